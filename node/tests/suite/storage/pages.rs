//! The rules of pages: none repeats or leaves out a row, also while blocks arrive.

use plasma_node::storage::{Read, Storage};

use super::{
    Backend,
    history::{Model, owner},
    rules::grow,
};

pub(crate) async fn owner_pages_have_no_gaps_and_no_repeats(mut backend: impl Backend) {
    let mut storage = backend.open();
    let mut model = Model::new(9);
    grow(&mut storage, &mut model, 60).await;
    let reader = storage.reader();
    for number in 0..5 {
        let all = model.outputs_of(&owner(number));
        assert!(all.len() > 5);
        for limit in [1, 2, 3, 7, 1000] {
            let mut pages = Vec::new();
            let mut after = None;
            loop {
                let page = reader.outputs_of(&owner(number), after, limit).unwrap();
                assert!(page.len() <= limit);
                let Some((last, _)) = page.last() else { break };
                after = Some(*last);
                pages.extend(page);
                assert!(pages.len() <= all.len(), "a page repeats what was shown");
            }
            assert_eq!(pages, all, "pages of {limit}");
        }
        assert_eq!(reader.outputs_of(&owner(number), None, 0).unwrap(), []);
    }
}

pub(crate) async fn histories_are_paged_from_the_newest_while_blocks_arrive(mut backend: impl Backend) {
    let mut storage = backend.open();
    let mut model = Model::new(9);
    grow(&mut storage, &mut model, 40).await;
    let before: Vec<_> = (0..5).map(|number| model.history_of(&owner(number))).collect();
    let reader = storage.reader();
    let first: Vec<_> = (0..5)
        .map(|number| reader.history_of(&owner(number), None, 3).unwrap())
        .collect();
    grow(&mut storage, &mut model, 5).await;
    for ((number, all), first) in (0..5).zip(before).zip(first) {
        assert!(all.len() > 5);
        let mut pages = first;
        loop {
            let page = reader.history_of(&owner(number), pages.last(), 3).unwrap();
            if page.is_empty() {
                break;
            }
            pages.extend(page);
            assert!(pages.len() <= all.len(), "a page repeats what was shown");
        }
        assert_eq!(pages, all);
    }
}
