//! What a storage may say in more than one place, and what nobody here can verify.

use plasma_node::storage::{
    Storage,
    check::{Certificates, CheckError, verify},
};

use super::{super::chain::secret, expected, quiet, story};

#[tokio::test]
async fn a_certificate_of_an_unknown_committee_is_none() {
    let mut chain = story().await;
    let keys: Vec<_> = (0..4).map(secret).collect();
    chain.hand_over(plasma_core::Epoch(1), &keys);
    chain.seal(&[]).await;
    let reader = Storage::reader(&chain.storage);
    for certificates in [Certificates::Newest, Certificates::All] {
        let error = verify(&reader, &expected(&chain), certificates, &mut quiet).unwrap_err();
        assert!(matches!(error, CheckError::Committee { epoch: 1 }), "{error}");
    }
}
