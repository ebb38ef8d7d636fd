-- Integer and float arithmetic in nested loops: the largest singular value of an infinite matrix.
local N = 1000

local function a(i, j)
    local ij = i + j
    return 1.0 / (ij * (ij + 1) * 0.5 + i + 1)
end

local function times(v, out)
    for i = 0, N - 1 do
        local sum = 0.0
        for j = 0, N - 1 do sum = sum + a(i, j) * v[j + 1] end
        out[i + 1] = sum
    end
end

local function times_transposed(v, out)
    for i = 0, N - 1 do
        local sum = 0.0
        for j = 0, N - 1 do sum = sum + a(j, i) * v[j + 1] end
        out[i + 1] = sum
    end
end

local u, v, t = {}, {}, {}
for i = 1, N do u[i] = 1.0 end
for _ = 1, 10 do
    times(u, t)
    times_transposed(t, v)
    times(v, t)
    times_transposed(t, u)
end
local vbv, vv = 0.0, 0.0
for i = 1, N do
    vbv = vbv + u[i] * v[i]
    vv = vv + v[i] * v[i]
end
print(string.format("%.9f", math.sqrt(vbv / vv)))
