//! `plasma committee install`: the document of a later committee for this operator.

use std::path::Path;

use super::{
    Start, StartError,
    db::running::{ask, path_of},
    print,
};
use crate::{
    config::Config,
    runtime::{admin::CommitteeView, registry},
};

/// Enters a document into the running operator; into its folder when none runs.
pub(super) fn run(config: Config, file: &Path) -> Result<(), StartError> {
    let file = std::path::absolute(file)
        .map_err(|error| StartError::Failed(format!("{}: {error}", file.display())))?;
    // Read here first: what is wrong with a document is said by who was asked, with the document's own name.
    let (start, successor) = Start::prepare_with(config, &file)?;
    let request = format!("committee {}", path_of(&file)?);
    let entered: Option<CommitteeView> = ask(&start.config, &request)?;
    let (view, where_to) = match entered {
        Some(view) => (view, "entered into the running operator".to_owned()),
        None => {
            let kept = registry::keep(&start.config.data_dir, &successor)
                .map_err(|error| StartError::Failed(error.to_string()))?;
            let where_to = format!(
                "kept in {}; no operator runs, its next start compares it with Ethereum",
                kept.display()
            );
            (CommitteeView::new(&successor), where_to)
        }
    };
    print(&format!(
        "committee of epoch {}, {} members, hash {}: {where_to}\n",
        view.epoch, view.members, view.hash
    ))
}
