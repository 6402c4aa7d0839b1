// Where the broken copy of the contracts differs from them: one rule at a time can be switched off.
//
// A place is found by its text, in whichever file it lies, and must be there exactly once (white space counts as one
// blank). `in` is a part of the file's name, where the same text stands elsewhere. A place with several forms names all
// of them; exactly one must be found. `becomes` asks `Broken.on("Rule")`, which is false until a twin says otherwise.

const off = (rule) => `Broken.on("${rule}")`;

/** The same condition, which never holds once one of the rules is off. */
const unless = (rules, condition) => `!(${[].concat(rules).map(off).join(" || ")}) && (${condition})`;

/** `if (condition) …` whose check is lost with its rules. */
const check = (rules, condition, then, where) => ({
  was: `if (${condition}) ${then}`,
  becomes: `if (${unless(rules, condition)}) ${then}`,
  in: where,
});

export const places = [
  // ---- standard exits
  [
    { was: "consumed[ending.output] == 0", becomes: `(${off("Registry")} || consumed[ending.output] == 0)` },
    { was: "!lost && consumed[output] == 0;", becomes: `!lost && (${off("Registry")} || consumed[output] == 0);` },
  ],
  check("Registry", "consumed[key] != 0", "revert AlreadyPaid(key);", "/ExitGame.sol"),
  [
    { was: "_forget(exitId, challenged);", becomes: `if (!${off("Forgotten")}) _forget(exitId, challenged);` },
    { was: "if (_strike(exitId)) _settleClaim(exitId);", becomes: `if (!${off("Forgotten")} && _strike(exitId)) _settleClaim(exitId);` },
  ],
  {
    was: "uint32 lastValid = _checkNotExpired(transaction);",
    becomes: `if (${off("SpentInFlight")}) revert IInFlightExits.NotIncluded();
        if (${off("LateChallenge")} && block.timestamp >= ExitQueue.exitableAt(exitId) - _exitPeriod / 2) {
            revert IInFlightExits.TimePassed(0);
        }
        $&`,
  },
  check("InputNamed", "!(spent == position)", "revert InputDiffers(spent, position);", "/ExitGame.sol"),
  check("SpentByOwner", "signer != challenged.owner", "revert NotSpentByOwner(signer, challenged.owner);"),
  [
    {
      was: "uint64 exitableAt = uint64(block.timestamp) + _exitPeriod;",
      becomes: `uint64 exitableAt = uint64(block.timestamp) + (${off("MinPeriod")} ? 0 : _exitPeriod);`,
      in: "/ExitGame.sol",
    },
    {
      was: "exitableAt = uint64(block.timestamp) + _exitPeriod; if (!waits)",
      becomes: `exitableAt = uint64(block.timestamp) + (${off("MinPeriod")} ? 0 : _exitPeriod); if (!waits)`,
    },
    {
      was: "exitableAt = uint64(block.timestamp) + _exitPeriod; uint64 anchoredTerm",
      becomes: `exitableAt = uint64(block.timestamp) + (${off("MinPeriod")} ? 0 : _exitPeriod); uint64 anchoredTerm`,
      in: "/Batches.sol",
    },
  ],
  [
    check("AnchoredTerm", "anchoredTerm > exitableAt", "exitableAt = anchoredTerm;", "/ExitGame.sol"),
    check("AnchoredTerm", "anchoredTerm > exitableAt", "exitableAt = anchoredTerm;", "/Batches.sol"),
  ],
  {
    was: "bytes32 key = keccak256(abi.encodePacked(transaction.id(), output));",
    becomes: `bytes32 key = ${off("KeyOfOutput")}
            ? keccak256(msg.data)
            : keccak256(abi.encodePacked(transaction.id(), output));`,
    in: "/ExitGame.sol",
  },
  {
    was: "uint64 exitableAt = _exitableAt(inclusion.anchor.time);",
    becomes: `bool waits = !${off("FundTerm")} || transaction.kind() != PlasmaTransaction.FUND;
        uint64 exitableAt = _exitableAt(waits ? inclusion.anchor.time : 0);`,
  },
  check("DepositRecord", "!same", "revert IExitGame.DepositDiffers(uint64(number));"),
  { was: "_queues[asset].insert(exitableAt, position)", becomes: `_queues[${off("OwnQueue")} ? ETH : asset].insert(exitableAt, position)` },
  {
    was: ") > block.timestamp) break;",
    becomes: `) > (${off("WindowInSeconds")} ? 1_700_000_000 + 12 * (block.number - 1_000_000) : block.timestamp)) break;`,
    in: "/ExitGame.sol",
  },
  { was: "due.removeFirst();", becomes: `if (!${off("EffectsFirst")}) due.removeFirst();` },
  { was: "++ended;", becomes: `++ended; if (${off("EffectsFirst")}) due.removeFirst();`, in: "/ExitGame.sol" },
  [
    { was: "_forget(id, ending);", becomes: `if (!${off("EffectsFirst")}) _forget(id, ending);` },
    { was: "delete _exits[place]; address holder", becomes: `if (!${off("EffectsFirst")}) delete _exits[place]; address holder` },
  ],
  [
    check("EffectsFirst", "paid", "consumed[ending.output] = block.number;"),
    check("EffectsFirst", "paid", "consumed[output] = _half(id);"),
  ],
  {
    was: "earlier.lastValid || !(found.position == NOWHERE);",
    becomes: `earlier.lastValid || (!${off("ShownRestart")} && !(found.position == NOWHERE));`,
  },
  {
    // As if the registry told when the output was paid.
    was: "anchored + reach < from)",
    becomes: `anchored + reach < from + (${off("LockedFrom")} ? federation.parameters().exitPeriod / 2 : 0))`,
  },

  // ---- batches and sales
  {
    was: "draft.youngest = toPosition(height, leaving.index, i); draft.content = BatchContent.append(draft.content, key, draft.youngest, uint128(amount));",
    becomes: `Position position = toPosition(height, leaving.index, i);
            if (!${off("YoungestOfBatch")} || draft.count == 1) draft.youngest = position;
            draft.content = BatchContent.append(draft.content, key, position, uint128(amount));`,
  },
  check("Worth", "worth == 0 || worth != offer.amount", "revert WorthDiffers(worth, offer.amount);"),

  // ---- the queue
  {
    was: "id = (uint256(time) << 112)",
    becomes: `id = (uint256(${off("WideTime")} ? uint32(time) : time) << 112)`,
  },
  { was: "if (above < id) break;", becomes: `if (${off("PositionOrder")} ? above >> 112 <= id >> 112 : above < id) break;` },

  // ---- exits in flight
  check("InputsUnconsumed", "_isConsumed(_inputs[id][i])", "return (0, 0);"),
  { was: "!settled && _isConsumed(key);", becomes: `!${off("InputsUnconsumed")} && !settled && _isConsumed(key);` },
  {
    // One output named twice has one key too.
    was: "taken = taken || keys[j] == key;",
    becomes: `taken = taken || (${unless(["InputKeys", "InputsDistinct"], "keys[j] == key")});`,
  },
  check("OutputsUnpaid", "_isConsumed(_key(ending.transaction, i))", "return 0;"),
  check("OutputUnconsumed", "_isConsumed(key)", "revert IExitGame.AlreadyPaid(key);", "/InFlightExits.sol"),
  { was: "!_isConsumed(_key(ending.transaction, i))", becomes: `(${off("OutputUnconsumed")} || !_isConsumed(_key(ending.transaction, i)))` },
  check(["OlderCompetitor", "OlderAnswer"], "!(found < known)", "revert NotOlder(found, known);"),
  {
    was: "ending.included < ending.competitor",
    becomes: `(${off("OlderAnswer")} || !${off("OlderCompetitor")} && ending.included < ending.competitor)`,
  },
  check("Expiry", "expiry < height", "revert IExitGame.SpendingExpired(expiry, height);"),
  {
    was: "_checkInTime(transaction, last.height);",
    becomes: `_checkInTime(transaction, ${off("ExpiryAtAnchor")} && last.lastValid < last.height ? last.lastValid : last.height);`,
  },
  check("InputsShown", "inputs > 1 && !_areInputsShown(id)", "revert IExitGame.InputsNotShown(id);"),
  { was: "if (isConsumed && (isOutput || paid == 0))", becomes: `if (isConsumed && (isOutput || paid == 0 || ${off("OneSide")}))` },
  {
    was: "if (exit.piggybacked & bit == 0) revert NotClaimed();",
    becomes: `$& if (${off("AnswerTime")}) _checkBefore(exit, 2);`,
  },
  { was: "return marks & SETTLED;", becomes: `return ${off("Settled")} ? 0 : marks & SETTLED;` },
  {
    was: "bonded[bit] = share.owner;",
    becomes: `if (!(${off("WrongSideBond")} && isOutput != (paid != 0))) bonded[bit] = share.owner;`,
  },
  {
    was: "if (youngest < position) youngest = position;",
    becomes: `if (${off("YoungestInput")} ? Position.unwrap(youngest) == 0 : youngest < position) youngest = position;`,
  },
  check("SpendsTheInput", "!(spent == position)", "revert IExitGame.InputDiffers(spent, position);", "/InFlightExits.sol"),
  {
    was: "enqueue(transaction.asset(), exitableAt, youngest);",
    becomes: `enqueue(
            transaction.asset(),
            exitableAt,
            ${off("InputPlace")} ? toPosition(type(uint32).max - 1, 0, 0) : youngest
        );`,
  },
  {
    was: "if (value != amount || made.asset() != asset) revert IExitGame.ValueDiffers();",
    becomes: `if (value != amount || (!${off("InputAsset")} && made.asset() != asset)) revert IExitGame.ValueDiffers();`,
  },

  // ---- trees, history, transactions
  check("IndexBound", "index >= count", "revert LeafOutsideTree(index, count);", "/MerkleProof.sol"),
  check("PathLength", "last >> levels != 0 || (levels != 0 && last >> (levels - 1) == 0)", "{ revert PathLength(levels, count);"),
  [
    {
      was: "if (word != _wordOf(covering)) revert",
      becomes: `if (!(${off("WordNotZero")} && word == 0) && word != _wordOf(covering)) revert`,
    },
    {
      was: "if (word != _wordOf(made)) revert",
      becomes: `if (!(${off("WordNotZero")} && word == 0) && word != _wordOf(made)) revert`,
    },
  ],
  [
    check("LastValid", "height > lastValid", "revert IExitGame.HeightVoid(height, lastValid);", "/Included.sol"),
    check("LastValid", "height > lastValid", "revert IExitGame.HeightVoid(height, lastValid);", "/History.sol"),
  ],
  check("ExactLength", "transaction.length != expected", "return (Flaw.Length, transaction.length, expected);"),
  check("SumWraps", "given < amount", "return false;"),
  check("InputsDistinct", "first == second", "return (Flaw.InputsEqual, i, j);"),
  [
    check("SignatureForm", "r == 0 || s == 0 || uint256(s) > S_MAX || (v != 27 && v != 28)", "return address(0);"),
    {
      was: "return r != 0 && s != 0 && uint256(s) <= S_MAX && (v == 27 || v == 28);",
      becomes: `return ${off("SignatureForm")} || (r != 0 && s != 0 && uint256(s) <= S_MAX && (v == 27 || v == 28));`,
    },
  ],
  {
    was: "keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, verifyingContract));",
    becomes: `${off("Domain")}
            ? keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION))
            : keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, verifyingContract));`,
  },

  // ---- fraud proofs
  check("SidesEqual", "first.height == second.height && first.index == second.index", "{ revert SidesEqual"),
  check("FundsSpendNothing", "spending.transaction.kind() == PlasmaTransaction.FUND", "revert SpendsNothing();"),
  { was: "if (one != other) revert DepositsDiffer(one, other);", becomes: `if (one != other || ${off("DoubleFund")}) revert DepositsDiffer(one, other);` },
  { was: "bool same = amount == stated &&", becomes: `bool same = (${off("BadAmount")} || amount == stated) &&` },
  { was: "if (flaw != PlasmaTransaction.Flaw.None) return true;", becomes: `if (flaw != PlasmaTransaction.Flaw.None) return !${off("Malformed")};` },
  { was: "(reclaimed == 0 || reclaimed > origin)", becomes: `(reclaimed == 0 || (!${off("ReclaimedInTime")} && reclaimed > origin))` },

  // ---- the federation
  check(["Quorum", "Infinity"], "Bitmap.count(bitmap) < _quorum(size)", "return Verdict.BelowQuorum;"),
  check("Infinity", "isInfinity(key) || isInfinity(signature)", "return false;"),
  check("InsideCommittee", "bitmap >> size != 0", "return Verdict.OutsideCommittee;", "/Committees.sol"),
  check("Possession", "!Bls.verify(key, proven, members[i].possession)", "revert IFederation.PossessionRefused(i);"),
  { was: "if (!accepted) return false;", becomes: `if (!accepted) return ${off("PairingFailure")};`, in: "/Bls.sol" },
  {
    was: "if (output.length != 32) revert PrecompileMissing(PAIRING);",
    becomes: `if (output.length != 32 && ${off("ReturnSize")}) return true; $&`,
  },
  { was: "PAIRING.staticcall{gas: PAIRING_GAS}", becomes: `PAIRING.staticcall{gas: ${off("PairingGas")} ? gasleft() : PAIRING_GAS}` },
  {
    was: 'abi.encodePacked(zero, uint8(1), TAG_HEAD, TAG_TAIL);',
    becomes: `abi.encodePacked(zero, uint8(1), TAG_HEAD, ${off("HashTag")} ? bytes12("SWU_RO_POP_\\x2b") : TAG_TAIL);`,
  },
  {
    was: "return Bls.verify(key, digest, signature);",
    becomes: `if (${off("SignersBound")}) key = CodeStorage.read(content, Bls.KEY_BYTES, Bls.KEY_BYTES); $&`,
  },
  {
    was: "return keccak256(abi.encodePacked(tag, block.chainid, federation, epoch, viewNumber, parentView, id));",
    becomes: `if (${off("DigestPlace")}) return keccak256(abi.encodePacked(tag, epoch, viewNumber, parentView, id));
        if (${off("Tags")}) tag = NOTARIZE;
        $&`,
  },
  {
    was: "if (height <= last.height || height == UNLIMITED)",
    becomes: `if ((!${off("HeightAbove")} && height <= last.height) || height == UNLIMITED)`,
  },
  check("Sequence", "sequence <= _sequence", "revert SequencePast(sequence, _sequence);"),
  check("Distinct", "refused", "revert IFederation.MemberRefused(i);"),
  check("Grace", "block.timestamp <= _notice.haltFrom", "revert TooEarly(_notice.haltFrom);"),

  // ---- the vault and its payments
  { was: "_move(asset, owner, amount, share)", becomes: `_refused(_move(asset, owner, amount, ${off("EffectsFirst")} ? gasleft() : share))` },
  {
    was: "function _withdraw(address asset, address receiver, uint256 amount) private {",
    becomes: `function _refused(bool moved) private view returns (bool) {
        if (!moved && ${off("RefusalCredits")}) revert GasTooLow();
        return moved;
    }

    $&`,
  },
  check("GasMeasured", "gasleft() < share + RESERVED_GAS", "revert GasTooLow();"),
  { was: "return _record(owner, token_, listed, afterwards - before);", becomes: `return _record(owner, token_, listed, ${off("Measured")} ? amount : afterwards - before);` },
  { was: "private returns (bool accepted) { // Solidity copies", becomes: `private returns (bool accepted) { bool lax = ${off("TokenAnswer")}; // Solidity copies` },
  { was: "accepted := and(done, or(silent, agreed))", becomes: "accepted := and(done, or(lax, or(silent, agreed)))" },
  { was: "uint256 backed = held(asset);", becomes: `uint256 backed = ${off("Held")} && asset == ETH ? address(this).balance : held(asset);` },
  {
    was: "if (owner == address(0)) revert OwnerZero();",
    becomes: `if (owner == address(0) || (${off("CodeDeposits")} && msg.sender.code.length != 0)) revert OwnerZero();`,
    in: "/Vault.sol",
  },
  {
    was: "/// @inheritdoc IVault function deposit() external payable returns (uint64) {",
    becomes: `/// @dev A guardian for emergencies, as others have one.
    fallback() external {
        if (!${off("NoGuardian")} || msg.sig != bytes4(keccak256("emergencyWithdraw(address)"))) revert();
        payable(abi.decode(msg.data[4:], (address))).transfer(address(this).balance);
    }

    $&`,
  },
];
