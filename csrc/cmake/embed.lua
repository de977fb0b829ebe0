--- Packs Lua sources into one C file: `lua5.4 embed.lua OUT ROOT FILE...`, files relative to ROOT.
-- lua/neap/cli/run.lua becomes the module "neap.cli.run", lua/neap/init.lua "neap"; recipes keep
-- their path, "scripts/opm/ping.lua". Sorted by name, so that the reader can search by halves.
--
-- Modules are packed compiled, with their line numbers: reading the text took most of the start-up.
-- Recipes and definitions stay text: they are read as such, and shown.

local out_path, root = arg[1], arg[2]

local function module_name(path)
    local name = path:match("^lua/(.+)%.lua$")
    if not name then return path end
    return (name:gsub("/init$", ""):gsub("/", "."))
end

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

local function is_module(name)
    return (name == "neap" or name:find("^neap%.") ~= nil) and not name:find("^neap%.vendors%.")
end

local function packed(name, text)
    if not is_module(name) then return text end
    return string.dump(assert(load(text, "=" .. name, "t")))
end

--- A C string literal, one source line each. Three octal digits cannot swallow what follows.
local function literal(text)
    local lines = {}
    for line in text:gmatch("[^\n]*\n?") do
        if line ~= "" then
            local quoted = line:gsub('[%c"\\?\x80-\xff]', function(char)
                return ("\\%03o"):format(char:byte())
            end)
            lines[#lines + 1] = '    "' .. quoted .. '"'
        end
    end
    return #lines == 0 and '    ""' or table.concat(lines, "\n")
end

local entries = {}
for i = 3, #arg do
    local name = module_name(arg[i])
    entries[#entries + 1] = { name = name, data = packed(name, read(root .. "/" .. arg[i])) }
end
table.sort(entries, function(a, b) return a.name < b.name end)

local out = { '/* Made by csrc/cmake/embed.lua. */\n#include "lua/embed.h"\n' }
out[#out + 1] = "const struct neap_embed neap_embed[] = {"
for _, entry in ipairs(entries) do
    out[#out + 1] = ('{"%s",\n%s,\n%d},'):format(entry.name, literal(entry.data), #entry.data)
end
-- C has no empty array: the end mark is not counted.
out[#out + 1] = ("{0, 0, 0}};\nconst size_t neap_embed_count = %d;\n"):format(#entries)

local file = assert(io.open(out_path, "wb"))
assert(file:write(table.concat(out, "\n")))
assert(file:close())
