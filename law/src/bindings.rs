//! The face of the harness's own contract, `contracts-abi/test/support/Law.sol`, and of its token.

ethers_contract::abigen!(
    Law,
    r"[
        struct Reading { uint8 flaw; uint256 a; uint256 b; bytes32 id; bytes32 leaf; bytes32 digest; address signer; bytes32 fields; }
        struct Anchor { uint32 number; uint32 previous; uint32 height; bytes32 historyRoot; uint64 l1Height; uint64 time; }
        struct Inclusion { uint32 index; uint32 height; uint32 transactionCount; bytes32 transactionsRoot; uint64 l1Height; bytes32[] transactionPath; bytes32[] historyPath; Anchor anchor; }
        struct Exit { address owner; address asset; uint256 amount; bytes32 output; }
        struct InFlightExit { address starter; uint40 begun; uint8 inputs; uint8 piggybacked; uint8 spent; uint16 claims; uint8 marks; bytes32 content; address challenger; uint72 competitor; uint72 included; uint32 lastValid; bytes32 transaction; }
        function read(bytes transaction, bool legacyTransactions, address verifyingContract) external view returns (Reading)
        function statement(address federation, uint8 tag, uint64 epoch, uint64 viewNumber, uint64 parentView, bytes32 id) external view returns (bytes32)
        function possession(address federation, address operator, bytes compressedKey) external view returns (bytes32)
        function header(bytes bytes_) external pure returns (bytes32 id, uint32 height, bytes32 historyRoot, uint64 l1Height, bytes32 l1Hash)
        function root(bytes32 leaf, uint256 index, uint256 count, bytes32[] path) external pure returns (bytes32)
        function historyLeaf(Inclusion inclusion, uint32 top, bytes32 historyRoot) external pure returns (bytes32)
        function fundId(uint64 number, address owner, address asset, uint256 amount) external pure returns (bytes32)
        function position(uint32 height, uint32 transaction, uint8 output) external pure returns (uint72 packed, uint32 height_, uint32 transaction_, uint8 output_)
        function registry(address game, bytes32[] outputs) external view returns (uint256[])
        function standard(address game, uint256[] ids) external view returns (Exit[])
        function inFlight(address game, uint256[] ids) external view returns (InFlightExit[])
        function mint(address owner, uint256 amount) external
        function approve(address spender, uint256 amount) external returns (bool)
    ]"
);
