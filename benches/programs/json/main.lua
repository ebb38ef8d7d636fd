-- Strings and allocation: a JSON file is parsed to a tree, printed again, and the text is hashed.
-- Objects keep the order of their members, so they are lists of keys and values in turn.
local ROUNDS = 16
local byte, find, sub, gsub, format = string.byte, string.find, string.sub, string.gsub, string.format
local concat = table.concat

local OBJECT, LIST, NUMBER = {}, {}, {}
local NULL = {}

local escapes = { n = "\n", t = "\t", r = "\r", b = "\b", f = "\f" }

local function utf8_char(hex)
    local c = tonumber(hex, 16)
    if c < 0x80 then return string.char(c) end
    local low = 0x80 + c % 64
    local rest = (c - c % 64) / 64
    if c < 0x800 then return string.char(0xC0 + rest, low) end
    return string.char(0xE0 + (rest - rest % 64) / 64, 0x80 + rest % 64, low)
end

-- `at` is that of the opening quote; gives the text and the position behind the closing one.
local function text(s, at)
    local start = at + 1
    local stop = find(s, '["\\]', start)
    if byte(s, stop) == 34 then return sub(s, start, stop - 1), stop + 1 end
    local parts, from = {}, start
    while byte(s, stop) == 92 do
        parts[#parts + 1] = sub(s, from, stop - 1)
        local e = sub(s, stop + 1, stop + 1)
        if e == "u" then
            parts[#parts + 1] = utf8_char(sub(s, stop + 2, stop + 5))
            from = stop + 6
        else
            parts[#parts + 1] = escapes[e] or e
            from = stop + 2
        end
        stop = assert(find(s, '["\\]', from), "malformed")
    end
    parts[#parts + 1] = sub(s, from, stop - 1)
    return concat(parts), stop + 1
end

local value

local function object(s, at)
    local o, n = { OBJECT }, 1
    at = find(s, "%S", at + 1)
    if byte(s, at) == 125 then return o, at + 1 end
    while true do
        assert(byte(s, at) == 34, "malformed")
        local k, v
        k, at = text(s, at)
        at = find(s, "%S", at)
        assert(byte(s, at) == 58, "malformed")
        v, at = value(s, at + 1)
        o[n + 1], o[n + 2] = k, v
        n = n + 2
        at = find(s, "%S", at)
        local c = byte(s, at)
        if c == 125 then return o, at + 1 end
        assert(c == 44, "malformed")
        at = find(s, "%S", at + 1)
    end
end

local function list(s, at)
    local l, n = { LIST }, 1
    at = find(s, "%S", at + 1)
    if byte(s, at) == 93 then return l, at + 1 end
    while true do
        n = n + 1
        l[n], at = value(s, at)
        at = find(s, "%S", at)
        local c = byte(s, at)
        if c == 93 then return l, at + 1 end
        assert(c == 44, "malformed")
        at = at + 1
    end
end

local function word(s, at, w, v)
    assert(sub(s, at, at + #w - 1) == w, "malformed")
    return v, at + #w
end

function value(s, at)
    at = find(s, "%S", at)
    local c = byte(s, at)
    if c == 34 then return text(s, at) end
    if c == 123 then return object(s, at) end
    if c == 91 then return list(s, at) end
    if c == 116 then return word(s, at, "true", true) end
    if c == 102 then return word(s, at, "false", false) end
    if c == 110 then return word(s, at, "null", NULL) end
    local _, stop = find(s, "^[-+.eE%d]+", at)
    assert(stop, "malformed")
    return { NUMBER, sub(s, at, stop) }, stop + 1
end

local named = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" }
local function escape(c) return named[c] or format("\\u%04x", byte(c)) end

local function write(out, n, v)
    if type(v) == "string" then
        if find(v, '[%c"\\]') then v = gsub(v, '[%z\1-\31"\\]', escape) end
        out[n + 1], out[n + 2], out[n + 3] = '"', v, '"'
        return n + 3
    end
    if type(v) == "boolean" then
        out[n + 1] = v and "true" or "false"
        return n + 1
    end
    if v == NULL then
        out[n + 1] = "null"
        return n + 1
    end
    local kind = v[1]
    if kind == OBJECT then
        out[n + 1] = "{"
        n = n + 1
        for i = 2, #v, 2 do
            if i > 2 then
                n = n + 1
                out[n] = ","
            end
            n = write(out, n, v[i])
            n = n + 1
            out[n] = ":"
            n = write(out, n, v[i + 1])
        end
        out[n + 1] = "}"
        return n + 1
    end
    if kind == LIST then
        out[n + 1] = "["
        n = n + 1
        for i = 2, #v do
            if i > 2 then
                n = n + 1
                out[n] = ","
            end
            n = write(out, n, v[i])
        end
        out[n + 1] = "]"
        return n + 1
    end
    out[n + 1] = v[2]
    return n + 1
end

local f = assert(io.open(arg[1], "rb"))
local source = f:read("*a")
f:close()
local hash, total = 0, 0
for _ = 1, ROUNDS do
    local tree = value(source, 1)
    local out = {}
    write(out, 0, tree)
    local t = concat(out)
    total = total + #t
    for i = 1, #t do hash = hash * 31 + byte(t, i) & 0xffffffff end
end
print(format("%d %08x", total, hash))
