//! `GET /v1/outputs/{position}/challenge-data`: what ends an exit of an output that was spent.

use plasma_core::{ExitId, Height, OpenExit, Position, Spender};

use super::{
    Answer, Code, Door, Problem, Reply, exits::number, outputs::inclusion, text::BytesText,
    transactions::item, view::ChallengeData,
};
use crate::storage::Read;

impl<R: Read + Clone + Send + Sync + 'static> Door<R> {
    /// `GET /v1/outputs/{position}/challenge-data`: whoever sends the call gets the bond of the exit.
    ///
    /// # Errors
    /// [`Code::NotFound`] for an output that is not, or was not spent; [`Code::Pruned`] when its spender is not kept here.
    pub async fn challenge_data(&self, position: Position) -> Answer {
        self.scan(move |door| {
            let output = door.output_view(position)?;
            let by = output.spent_by.ok_or_else(|| {
                Code::NotFound
                    .because(format!("no transaction spent the output {position}"))
                    .hint("only an exit of a spent output is dishonest; status in /v1/outputs/{position} says what became of it")
            })?;
            let by = Spender {
                height: Height(by.height),
                transaction: by.index,
                input: by.input,
            };
            let block = door.block_at(by.height)?;
            let spender = item(&block, by.transaction)?;
            let covering = door.books.anchors.covering(by.height);
            let included = covering.map(|covering| {
                let receipt = door.anchored(spender.id(), &covering)?;
                Ok::<_, Problem>(inclusion(&receipt, covering))
            });
            let exit = door.exit_of(position)?;
            let last_valid = door.handle.status().halted;
            let calldata = match exit.zip(door.challenge_call) {
                Some((exit, call)) => call(&door.reader, &door.books.anchors, last_valid, (exit, by))?,
                None => None,
            };
            Reply::ok(&ChallengeData {
                output,
                exit: exit.as_ref().map(number),
                spender: BytesText(spender.encode()),
                input: by.input,
                included: included.transpose()?,
                calldata: calldata.map(BytesText),
            })
        })
        .await
    }

    /// The open exit of an output that is paid first, also one that Ethereum shows and no decided block covers.
    fn exit_of(&self, output: Position) -> Result<Option<ExitId>, Problem> {
        let is_of =
            |exit: &OpenExit| matches!(exit, OpenExit::Standard { position, .. } if *position == output);
        let open = self.reader.exits()?;
        let known = open.iter().find(|(_, exit)| is_of(exit)).map(|(id, _)| *id);
        Ok(known.or_else(|| self.books.docket.exit_of(output)))
    }
}
