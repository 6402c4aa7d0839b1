// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Inclusions} from "./Inclusions.sol";
import {Payouts} from "./Payouts.sol";
import {IExitGame} from "./interfaces/IExitGame.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {BatchContent} from "./libraries/BatchContent.sol";
import {ExitQueue} from "./libraries/ExitQueue.sol";
import {Position} from "./types/Position.sol";

/// @title What is stored of standard exits
/// @notice Records, provisional challenges, and the small questions that all of the game asks. An exit of one output is
/// named by its place in the queue; one of a batch by the place of the batch and, above it, its number there.
abstract contract ExitRecords is IExitGame, Inclusions, Payouts {
    /// @dev What has a place in the queue, in two slots. `token` is the vault's number of the asset; what `content` and
    /// `output` are `marks` says. Of one output: the amount, zero for one that does not fit and lies in `_largeAmounts` (no
    /// output has amount zero), and the key in the registry. Of a batch: bit i for output i that is open, bit 16 + i where
    /// a provisional challenge of it stands, and the account that keeps the outputs (`BatchContent`).
    struct Open {
        address owner;
        uint8 token;
        uint8 marks;
        uint80 content;
        bytes32 output;
    }

    /// @dev One output that is exiting.
    struct Exiting {
        address owner;
        uint8 token;
        Position position;
        uint256 amount;
        bytes32 output;
    }

    /// @dev A challenge that rests on a block that is only certified: who paid its bond, where the spending
    /// transaction is claimed to lie, and that block's history leaf.
    struct Claim {
        address claimant;
        Position position;
        bytes32 leaf;
    }

    /// @dev The record is a batch.
    uint8 internal constant BATCH = 1;
    /// @dev Somebody bought the exit: payout and bonds are the holder's.
    uint8 internal constant SOLD = 2;
    /// @dev A provisional challenge of the one output stands.
    uint8 internal constant CLAIMED = 4;
    /// @dev As many outputs as a batch has at most. With all of them challenged provisionally its payout stays within half
    /// of `PLACE_GAS`, and two bits of each fit the record.
    uint256 internal constant BATCH_MAX = 16;

    /// @inheritdoc IExitGame
    mapping(bytes32 output => uint256 from) public consumed;

    mapping(uint256 place => Open) internal _exits;
    mapping(uint256 place => uint256 amount) internal _largeAmounts;
    mapping(uint256 id => Claim) internal _claims;
    mapping(address asset => ExitQueue.Queue) internal _queues;

    /// @inheritdoc IExitGame
    function exits(uint256 id) external view returns (Exit memory) {
        Exiting memory found = _find(id);
        return
            Exit({owner: found.owner, asset: _asset(found.token), amount: found.amount, output: found.output});
    }

    /// @dev The open exit with an id, nobody's where there is none: no other number names it.
    function _find(uint256 id) internal view returns (Exiting memory found) {
        (uint256 place, uint256 number) = ExitQueue.split(id);
        Open memory open = _exits[place];
        bool isBatch = open.marks & BATCH != 0;
        if (isBatch != (number != 0)) return found;
        if (isBatch) {
            if (uint16(open.content) >> (number - 1) & 1 == 0) return found;
            (found.output, found.position, found.amount) = BatchContent.read(open.output, number - 1);
        } else {
            (found.output, found.position) = (open.output, ExitQueue.position(id));
            found.amount = _amount(place, open);
        }
        (found.owner, found.token) = (open.owner, open.token);
    }

    function _amount(uint256 place, Open memory open) internal view returns (uint256) {
        return open.content == 0 ? _largeAmounts[place] : open.content;
    }

    function _asset(uint8 token) internal view returns (address) {
        return token == 0 ? ETH : vault.token(token);
    }

    /// @return token the vault's number of the asset, zero for ETH
    function _checkToken(address asset) internal view returns (uint8 token) {
        if (asset == ETH) return 0;
        token = vault.tokenNumber(asset);
        if (token == 0) revert AssetUnknown(asset);
    }
}
