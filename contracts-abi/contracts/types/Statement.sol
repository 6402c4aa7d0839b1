// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor} from "./Anchor.sol";
import {Certificate} from "./Committee.sol";

/// @notice What operators said in one view: a certificate, or the vote of one operator or of some.
/// @param tag 0x01 notarize, 0x02 nullify, 0x03 finalize
/// @param parentView view of the parent; zero but for notarize
/// @param id of the block; zero for nullify
/// @param bitmap who said it: bit i for operator i, at least one
/// @param signature sum of their signatures, G2 uncompressed, 256 bytes
struct Statement {
    uint8 tag;
    uint64 parentView;
    bytes32 id;
    uint256 bitmap;
    bytes signature;
}

/// @notice What one header tells about the block of some height.
/// @param anchor the header as it was anchored; number zero for one that never was
/// @param header 184 bytes. Empty for an anchored header whose signers are not accused
/// @param certificate a finalize certificate of `header`
/// @param leaf the block's history leaf
/// @param path siblings from the leaf to the header's history root
struct Telling {
    Anchor anchor;
    bytes header;
    Certificate certificate;
    bytes32 leaf;
    bytes32[] path;
}
