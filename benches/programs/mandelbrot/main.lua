-- Float loops with an early exit: how many points of a grid belong to the Mandelbrot set.
local function count(n, limit)
    local inside, steps = 0, 0
    for row = 0, n - 1 do
        local ci = 2.0 * row / n - 1.0
        for col = 0, n - 1 do
            local cr = 2.0 * col / n - 1.5
            local zr, zi, tr, ti = 0.0, 0.0, 0.0, 0.0
            local i = 0
            while i < limit and tr + ti <= 4.0 do
                zi = 2.0 * zr * zi + ci
                zr = tr - ti + cr
                tr = zr * zr
                ti = zi * zi
                i = i + 1
            end
            steps = steps + i
            if tr + ti <= 4.0 then inside = inside + 1 end
        end
    end
    return inside, steps
end

local inside, steps = count(1600, 50)
io.write(inside, " ", steps, "\n")
