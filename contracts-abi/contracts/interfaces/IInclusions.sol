// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFederation} from "./IFederation.sol";
import {IVault} from "./IVault.sol";

/// @title What both games know of the rest
/// @notice Their errors about transactions and proofs are those of `IExitGame`.
interface IInclusions {
    /// @notice The federation whose outputs leave here.
    function federation() external view returns (IFederation);

    /// @notice The vault that pays.
    function vault() external view returns (IVault);
}
