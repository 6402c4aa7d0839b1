//! `plasma committee install`: the document of a later committee for this operator.

use std::{fmt, path::Path};

use serde::Serialize;

use crate::{
    cli::{
        Start, StartError,
        db::running::{ask, path_of},
    },
    config::Config,
    runtime::{admin::CommitteeView, registry},
};

/// A document that this operator has now.
#[derive(Debug, Serialize)]
pub(super) struct InstalledView {
    #[serde(flatten)]
    committee: CommitteeView,
    /// Whether an operator runs and has entered it; if not, its next start does.
    entered: bool,
}

impl fmt::Display for InstalledView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CommitteeView {
            epoch, members, hash, ..
        } = &self.committee;
        let end = if self.entered {
            "entered into the running operator"
        } else {
            "kept; no operator runs, its next start compares it with Ethereum"
        };
        writeln!(
            f,
            "committee of epoch {epoch}, {members} members, hash {hash}: {end}"
        )
    }
}

/// Enters a document into the running operator; into its folder when none runs.
pub(super) fn run(config: Config, file: &Path) -> Result<InstalledView, StartError> {
    let file = std::path::absolute(file)
        .map_err(|error| StartError::Failed(format!("{}: {error}", file.display())))?;
    // Read here first: what is wrong with a document is said by who was asked, with the document's own name.
    let (start, successor) = Start::prepare_with(config, &file)?;
    let request = format!("committee {}", path_of(&file)?);
    let answer: Option<CommitteeView> = ask(&start.config, &request)?;
    let entered = answer.is_some();
    let committee = match answer {
        Some(committee) => committee,
        None => {
            registry::keep(&start.config.data_dir, &successor)
                .map_err(|error| StartError::Failed(error.to_string()))?;
            CommitteeView::new(&successor)
        }
    };
    Ok(InstalledView { committee, entered })
}
