"""Derives random numbers from names: the same in every process, on every machine, in every version."""

from hashlib import blake2b


def derive(*parts: object) -> int:
    """Return 64 well-mixed bits that depend on the parts alone, such as a seed and names (BLAKE2b)."""
    text = "/".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def trial_seed(seed: int, index: int) -> int:
    """Return the seed of one trial of an experiment."""
    return derive(seed, "trial", index)


def permuted(seed: int, size: int, index: int) -> int:
    """Return the `index`-th element of a shuffled range(size), in constant memory.

    A Feistel network over the next power of four, walked until it falls inside (Black and Rogaway, *Ciphers with
    Arbitrary Finite Domains*, 2002): a bijection for every seed, in less than four walks on average.
    """
    bits = max(1, (max(size - 1, 1).bit_length() + 1) // 2)
    while True:
        index = _feistel(seed, bits, index)
        if index < size:
            return index


def _feistel(seed: int, bits: int, block: int) -> int:
    mask = (1 << bits) - 1
    left, right = block >> bits, block & mask
    for turn in range(4):
        left, right = right, left ^ (_mixed(seed, turn, right, bits) & mask)
    return left << bits | right


def _mixed(seed: int, turn: object, half: int, bits: int) -> int:
    """Return at least `bits` bits, also for spaces beyond 2**128."""
    if bits <= 64:  # noqa: PLR2004 - what one digest gives
        return derive(seed, turn, half)
    return derive(seed, turn, half, 0) | _mixed(seed, f"{turn}+", half, bits - 64) << 64
