//! How many bytes a block costs.

use super::{Stage, stage};

/// Prints and gives what bodies cost per block, with all requests for what was missing, and what whole bodies cost.
fn cost(operators: u16, payments: u64) -> (usize, usize) {
    let Stage {
        mut world,
        bob,
        payments,
        leader,
        ..
    } = stage(operators, payments);
    world.is_mute = false;
    // The leader of the view proposes the first of them, and what all have heard by then the next ones.
    let others: Vec<usize> = (1..world.nodes.len())
        .map(|away| (leader + away) % world.nodes.len())
        .collect();
    for (place, payment) in payments.iter().enumerate() {
        let ticket = u64::try_from(place).expect("small");
        world.submit(others[place % others.len()], ticket, payment.clone());
    }
    let sum = super::HELD * u64::try_from(payments.len()).expect("small");
    world.run_until("all are decided", 20_000, |world| world.all_hold(&bob, sum));
    let wires = &world.wires;
    let blocks = wires.compact + wires.whole;
    let (now, before) = (
        (wires.carried + wires.fetched) / blocks,
        wires.instead_of / blocks,
    );
    let line = format!(
        "{operators} operators, {} payments in {blocks} blocks, {} of them as leaves: {now} bytes of bodies sent for a \
         block, {} of them fetched; whole bodies would be {before}\n",
        payments.len(),
        wires.compact,
        wires.fetched / blocks,
    );
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).expect("writes");
    (now, before)
}

#[test]
fn four_operators_send_a_quarter_of_the_bytes() {
    let (now, before) = cost(4, 300);
    assert!(now * 4 < before, "{now} of {before}");
}

#[test]
fn sixteen_operators_send_a_quarter_of_the_bytes() {
    let (now, before) = cost(16, 200);
    assert!(now * 4 < before, "{now} of {before}");
}
