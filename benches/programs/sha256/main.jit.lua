-- Integer and bit operations: SHA-256 of a generated buffer.
local bit = require("bit")
local band, bor, bxor, bnot = bit.band, bit.bor, bit.bxor, bit.bnot
local ror, rshift, lshift, tobit = bit.ror, bit.rshift, bit.lshift, bit.tobit
local SIZE = 8388608

local K = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

local function block(h, w, data, at)
    for i = 1, 16 do
        local p = at + i * 4
        local b0, b1, b2, b3 = data[p - 3], data[p - 2], data[p - 1], data[p]
        w[i] = bor(lshift(b0, 24), lshift(b1, 16), lshift(b2, 8), b3)
    end
    for i = 17, 64 do
        local x, y = w[i - 15], w[i - 2]
        local s0 = bxor(ror(x, 7), ror(x, 18), rshift(x, 3))
        local s1 = bxor(ror(y, 17), ror(y, 19), rshift(y, 10))
        w[i] = tobit(w[i - 16] + s0 + w[i - 7] + s1)
    end
    local a, b, c, d, e, f, g, k = h[1], h[2], h[3], h[4], h[5], h[6], h[7], h[8]
    for i = 1, 64 do
        local s1 = bxor(ror(e, 6), ror(e, 11), ror(e, 25))
        local ch = bxor(band(e, f), band(bnot(e), g))
        local t1 = k + s1 + ch + K[i] + w[i]
        local s0 = bxor(ror(a, 2), ror(a, 13), ror(a, 22))
        local maj = bxor(band(a, b), band(a, c), band(b, c))
        local t2 = s0 + maj
        k = g
        g = f
        f = e
        e = tobit(d + t1)
        d = c
        c = b
        b = a
        a = tobit(t1 + t2)
    end
    h[1] = tobit(h[1] + a)
    h[2] = tobit(h[2] + b)
    h[3] = tobit(h[3] + c)
    h[4] = tobit(h[4] + d)
    h[5] = tobit(h[5] + e)
    h[6] = tobit(h[6] + f)
    h[7] = tobit(h[7] + g)
    h[8] = tobit(h[8] + k)
end

-- The message, one bit, zeros, and its length: SIZE is a multiple of 64, so the padding is one block.
local data = {}
local seed = 42
for i = 1, SIZE do
    seed = (seed * 1664525 + 1013904223) % 4294967296
    data[i] = rshift(seed, 24)
end
data[SIZE + 1] = 0x80
for i = 2, 64 do data[SIZE + i] = 0 end
local bits = SIZE * 8
for i = 0, 3 do data[SIZE + 64 - i] = band(rshift(bits, 8 * i), 0xff) end

local h = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 }
local w = {}
for at = 0, SIZE, 64 do block(h, w, data, at) end
for i = 1, 8 do io.write(bit.tohex(h[i])) end
print()
