// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bitmap} from "../../contracts/libraries/Bitmap.sol";
import {Check} from "../support/Check.sol";

contract BitmapTest is Check {
    function testFuzz_count_isThatOfCountingOneByOne(uint256 bitmap, uint256 mask) external pure {
        bitmap &= mask >> 1;
        uint256 bits = 0;
        for (uint256 i = 0; i < 256; ++i) {
            bits += (bitmap >> i) & 1;
        }
        _equal(Bitmap.count(bitmap), bits);
    }

    function test_count_ofEveryFullCommittee() external pure {
        for (uint256 i = 0; i < 256; ++i) {
            _equal(Bitmap.count((1 << i) - 1), i);
        }
    }
}
