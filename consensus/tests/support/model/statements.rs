//! What can be said in the model: every container that three views can hold, and the blocks in them.

/// Views of the model.
pub(crate) const VIEWS: usize = 3;

/// Renamings of blocks under which the rules stay the same.
pub(crate) const RENAMINGS: usize = 2;

/// Which containers there are. Every container has one fresh child and one re-proposal in each later view, and each view
/// one fresh block on the root: enough for rivals everywhere. The first view has two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// 22 containers.
    Small,
    /// The first view may also repeat the root: 31 containers.
    Full,
}

/// A block in a view on a container of an earlier view; views count from 1, and 0 is the root's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) parent_view: usize,
    /// Its place among the containers of that view; 0 for the root.
    pub(crate) parent: usize,
    pub(crate) block: usize,
    is_fresh: bool,
}

/// All containers by view, and the blocks; block 0 is the root.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    pub(crate) containers: [Vec<Container>; VIEWS],
    parents: Vec<usize>,
}

/// Another name for each container and block.
#[derive(Debug)]
pub(crate) struct Renaming {
    pub(crate) containers: [Vec<usize>; VIEWS],
    pub(crate) blocks: Vec<usize>,
}

impl Statements {
    pub(crate) fn new(size: Size) -> Self {
        let mut made = Self {
            parents: vec![0],
            ..Self::default()
        };
        made.add_fresh(0, (0, 0), 0);
        for view in 0..VIEWS {
            made.add_fresh(view, (0, 0), 0);
            if view == 0 && size == Size::Full {
                made.add(view, (0, 0), 0, false);
            }
            for parent_view in 1..=view {
                for parent in 0..made.containers[parent_view - 1].len() {
                    let block = made.containers[parent_view - 1][parent].block;
                    made.add(view, (parent_view, parent), block, false);
                    made.add_fresh(view, (parent_view, parent), block);
                }
            }
        }
        made
    }

    fn add_fresh(&mut self, view: usize, parent: (usize, usize), below: usize) {
        self.parents.push(below);
        self.add(view, parent, self.parents.len() - 1, true);
    }

    fn add(&mut self, view: usize, (parent_view, parent): (usize, usize), block: usize, is_fresh: bool) {
        self.containers[view].push(Container {
            parent_view,
            parent,
            block,
            is_fresh,
        });
    }

    pub(crate) fn block_count(&self) -> usize {
        self.parents.len()
    }

    /// Whether a block stands on the way from another one to the root, or is that one.
    pub(crate) fn is_ancestor(&self, older: usize, mut block: usize) -> bool {
        while block > older {
            block = self.parents[block];
        }
        block == older
    }

    /// The renamings that keep parents, which the rules cannot tell apart: none, and the two rivals of the first view
    /// with all that stands on them.
    pub(crate) fn renamings(&self) -> [Renaming; RENAMINGS] {
        [[0, 1], [1, 0]].map(|rivals| self.renaming(rivals))
    }

    fn renaming(&self, rivals: [usize; 2]) -> Renaming {
        let mut named = Renaming {
            containers: Default::default(),
            blocks: (0..self.parents.len()).collect(),
        };
        for (view, list) in self.containers.iter().enumerate() {
            for (place, container) in list.iter().enumerate() {
                let name = match container.parent_view.checked_sub(1) {
                    None => rivals.get(place).copied().filter(|_| view == 0).unwrap_or(place),
                    Some(below) => {
                        let parent = named.containers[below][container.parent];
                        let twin = Container {
                            parent,
                            block: 0,
                            ..*container
                        };
                        let is_twin = |it: &Container| Container { block: 0, ..*it } == twin;
                        list.iter()
                            .position(is_twin)
                            .expect("every container has the same heirs")
                    }
                };
                named.containers[view].push(name);
                if container.is_fresh {
                    named.blocks[container.block] = list[name].block;
                }
            }
        }
        named
    }

    /// A name to read: the root is `G`, and a block that of its parent with a letter more.
    pub(crate) fn name(&self, block: usize) -> String {
        if block == 0 {
            return "G".to_owned();
        }
        let parent = self.parents[block];
        let elder = (1..block).filter(|other| self.parents[*other] == parent).count();
        let letter = ["a", "b", "c", "d", "e"].get(elder).copied().unwrap_or("?");
        if parent == 0 {
            letter.to_owned()
        } else {
            self.name(parent) + letter
        }
    }
}
