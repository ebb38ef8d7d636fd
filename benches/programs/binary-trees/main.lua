-- Allocation: many short-lived trees beside a long-lived one.
local MIN_DEPTH, MAX_DEPTH = 4, 16

local function build(depth)
    if depth == 0 then return {} end
    return { build(depth - 1), build(depth - 1) }
end

local function check(n)
    local left = n[1]
    if not left then return 1 end
    return 1 + check(left) + check(n[2])
end

local write, format = io.write, string.format
write(format("stretch tree of depth %d\t check: %d\n", MAX_DEPTH + 1, check(build(MAX_DEPTH + 1))))
local long_lived = build(MAX_DEPTH)
for depth = MIN_DEPTH, MAX_DEPTH, 2 do
    local trees = math.floor(2 ^ (MAX_DEPTH - depth + MIN_DEPTH))
    local total = 0
    for _ = 1, trees do total = total + check(build(depth)) end
    write(format("%d\t trees of depth %d\t check: %d\n", trees, depth, total))
end
write(format("long lived tree of depth %d\t check: %d\n", MAX_DEPTH, check(long_lived)))
