//! Four engines with real BLS keys, wired to each other without loss: what they decide convinces the core.

use std::collections::VecDeque;

use plasma_consensus::{Bls, Config, Effect, Engine, Input, Message, Start, Target};
use plasma_core::{
    Address, BlockId, Certificate, Committee, Epoch, Member, Millis, OperatorIndex, Peer, SecretKey, keccak,
};

use crate::{
    bench::{VALID, genesis},
    sim::byzantine::domain,
};

struct Federation {
    engines: Vec<Engine<Bls>>,
    queue: VecDeque<(usize, Input)>,
    now: u64,
    certificates: Vec<Certificate>,
}

fn secret(member: u8) -> SecretKey {
    SecretKey::from_seed(&keccak(&[b"member", &[member]]).0)
}

fn committee() -> Committee {
    let members = (0..4).map(|member| Member {
        operator: Address([member + 1; 20]),
        key: secret(member).public(),
        peer: Peer(keccak(&[&[member]])),
    });
    Committee::new(Epoch(0), members.collect()).expect("members differ")
}

impl Federation {
    fn new() -> Self {
        let mut federation = Self {
            engines: Vec::new(),
            queue: VecDeque::new(),
            now: 0,
            certificates: Vec::new(),
        };
        for member in 0..4u8 {
            let start = Start {
                config: Config {
                    heartbeat_ms: 0,
                    ..Config::default()
                },
                committee: committee(),
                domain: domain(),
                me: OperatorIndex(u16::from(member)),
                scheme: Bls::new(secret(member), committee()),
                leaders: keccak(&[b"real"]),
                floor: genesis(),
                now: Millis(0),
            };
            federation.engines.push(Engine::recover(start, &[]).0);
        }
        for member in 0..4 {
            for peer in (0..4u16).filter(|peer| usize::from(*peer) != member) {
                federation
                    .queue
                    .push_back((member, Input::PeerUp(OperatorIndex(peer))));
            }
            federation.queue.push_back((member, Input::Work(true)));
        }
        federation
    }

    /// Lets time pass in small steps and everything happen at once within each.
    fn run(&mut self, until: u64) {
        while self.now < until {
            self.queue.extend((0..4).map(|member| (member, Input::Tick)));
            while let Some((member, input)) = self.queue.pop_front() {
                for effect in self.engines[member].step(Millis(self.now), input) {
                    self.perform(member, effect);
                }
            }
            self.now += 10;
        }
    }

    fn perform(&mut self, member: usize, effect: Effect) {
        match effect {
            Effect::Send { to, message, .. } => self.deliver(member, to, &message),
            Effect::Build { view, parent } => {
                let block = BlockId(keccak(&[&view.0.to_be_bytes(), &parent.0.0]));
                self.queue.push_back((
                    member,
                    Input::Built {
                        view,
                        block,
                        seals: false,
                    },
                ));
            }
            Effect::Validate { block, parent, .. } => {
                self.queue.push_back((
                    member,
                    Input::Verdict {
                        block,
                        parent,
                        verdict: VALID,
                    },
                ));
            }
            Effect::Finalized { certificate, .. } => self.certificates.push(certificate),
            Effect::Persist(_) | Effect::Prepare { .. } | Effect::Timer(_) => {}
            other => panic!("{member}: {other:?}"),
        }
    }

    fn deliver(&mut self, member: usize, to: Target, message: &Message) {
        let from = OperatorIndex(u16::try_from(member).expect("small"));
        let bytes = message.encode();
        for peer in (0..4usize).filter(|peer| *peer != member) {
            if to == Target::All || to == Target::One(OperatorIndex(u16::try_from(peer).expect("small"))) {
                let message = Message::decode(&bytes).expect("it was encoded");
                self.queue.push_back((peer, Input::Message { from, message }));
            }
        }
    }
}

#[test]
fn real_certificates_convince_the_core() {
    let mut federation = Federation::new();
    federation.run(450);
    let floors: Vec<u64> = federation
        .engines
        .iter()
        .map(|engine| engine.floor().view.0)
        .collect();
    assert!(floors.iter().all(|floor| *floor >= 3), "{floors:?}");
    assert!(federation.certificates.len() >= 12);
    for certificate in federation.certificates.iter().take(8) {
        assert_eq!(certificate.verify(&domain(), &committee()), Ok(()));
    }
}
