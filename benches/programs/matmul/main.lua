-- Nested loops over rows of floats: the product of two square matrices.
local N = 500
local fmod = math.fmod

local function matrix(seed)
    local m = {}
    for i = 0, N - 1 do
        local row = {}
        for j = 0, N - 1 do row[j + 1] = fmod((i - j) * (i + j) + seed, 10) + 0.5 end
        m[i + 1] = row
    end
    return m
end

local function transpose(m)
    local t = {}
    for i = 1, N do
        local row = {}
        for j = 1, N do row[j] = m[j][i] end
        t[i] = row
    end
    return t
end

local function multiply(a, b)
    local c, t = {}, transpose(b)
    for i = 1, N do
        local row, out = a[i], {}
        for j = 1, N do
            local col, sum = t[j], 0.0
            for k = 1, N do sum = sum + row[k] * col[k] end
            out[j] = sum
        end
        c[i] = out
    end
    return c
end

local c = multiply(matrix(1), matrix(2))
local trace = 0.0
for i = 1, N do trace = trace + c[i][i] end
print(string.format("%.3f %.3f", trace, c[N / 2 + 1][8]))
