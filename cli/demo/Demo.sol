// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// A token after ERC-20, and functions that compute. Anyone may mint: this is a demonstration.
contract Demo {
    string public constant name = "Demo";
    string public constant symbol = "DEMO";
    uint8 public constant decimals = 18;

    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error InsufficientBalance(uint256 available, uint256 required);
    error InsufficientAllowance(uint256 available, uint256 required);

    /// Makes `value` new tokens and gives them to `to`.
    function mint(address to, uint256 value) external {
        totalSupply += value;
        unchecked {
            balanceOf[to] += value;
        }
        emit Transfer(address(0), to, value);
    }

    /// Moves `value` tokens from the caller to `to`.
    function transfer(address to, uint256 value) external returns (bool) {
        move(msg.sender, to, value);
        return true;
    }

    /// Allows `spender` to move `value` tokens of the caller.
    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    /// Moves `value` tokens of `from`, who must have allowed it, to `to`.
    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed < value) revert InsufficientAllowance(allowed, value);
        if (allowed != type(uint256).max) {
            unchecked {
                allowance[from][msg.sender] = allowed - value;
            }
        }
        move(from, to, value);
        return true;
    }

    function move(address from, address to, uint256 value) private {
        uint256 available = balanceOf[from];
        if (available < value) revert InsufficientBalance(available, value);
        unchecked {
            balanceOf[from] = available - value;
            balanceOf[to] += value;
        }
        emit Transfer(from, to, value);
    }

    /// The sum of the squares of 1 to `n`, with Solidity's checked arithmetic.
    function sumOfSquares(uint256 n) external pure returns (uint256 sum) {
        for (uint256 i = 1; i <= n; i++) {
            sum += i * i;
        }
    }

    /// The number of primes up to `n`, by a sieve with one byte per number.
    function countPrimes(uint256 n) external pure returns (uint256 count) {
        bytes memory composite = new bytes(n + 1);
        for (uint256 i = 2; i <= n; i++) {
            if (composite[i] != 0) continue;
            count++;
            for (uint256 j = i * i; j <= n; j += i) {
                composite[j] = 0x01;
            }
        }
    }

    /// `base` to the power `exponent` modulo `modulus`, by squaring.
    function modPow(uint256 base, uint256 exponent, uint256 modulus) external pure returns (uint256 result) {
        result = 1 % modulus;
        while (exponent != 0) {
            if (exponent & 1 != 0) result = mulmod(result, base, modulus);
            base = mulmod(base, base, modulus);
            exponent >>= 1;
        }
    }

    /// The last of `n` values of a 256-bit generator (xorshift, then a multiplication).
    function scramble(uint256 seed, uint256 n) external pure returns (uint256 value) {
        value = seed;
        unchecked {
            for (uint256 i = 0; i < n; i++) {
                value ^= value << 13;
                value ^= value >> 7;
                value ^= value << 17;
                value *= 0x9e3779b97f4a7c15f39cc0605cedc835;
            }
        }
    }
}
