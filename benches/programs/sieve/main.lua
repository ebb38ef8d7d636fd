-- Arrays and strided loops: the primes below a limit, counted a few times over.
local function count_primes(composite, n)
    for i = 1, n - 1 do composite[i] = false end
    local i = 2
    while i * i < n do
        if not composite[i] then
            for j = i * i, n - 1, i do composite[j] = true end
        end
        i = i + 1
    end
    local count = 0
    for k = 2, n - 1 do
        if not composite[k] then count = count + 1 end
    end
    return count
end

local composite = {}
local total = 0
for _ = 1, 8 do total = total + count_primes(composite, 4000000) end
print(total)
