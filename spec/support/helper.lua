--- What specs share: where things are, temporary files, running the command, golden output.
-- busted loads it before the first spec (see .busted), so that the module of the build under test
-- is the one that specs get. Use it with `local helper = require "spec.support.helper"`.

local helper = {}

local function from_popen(command)
    local pipe = assert(io.popen(command))
    local text = pipe:read("a")
    pipe:close()
    return text
end

--- Quotes a word for the shell.
---@param word string
---@return string
function helper.quote(word)
    return "'" .. word:gsub("'", "'\\''") .. "'"
end
local quote = helper.quote

helper.root = os.getenv("NEAP_SRC") or from_popen("pwd -P"):gsub("\n$", "")
helper.build = os.getenv("NEAP_BUILD") or helper.root .. "/build/dev"
helper.bin = os.getenv("NEAP_BIN") or helper.build .. "/neap"
--- "release" or "asan" (or another preset, run by hand).
helper.preset = os.getenv("NEAP_PRESET") or "dev"

if not os.getenv("NEAP_BUILD") then
    package.cpath = helper.build .. "/?.so;" .. package.cpath
end

-- Early, and once for all specs of a process: this makes `require "neap.x"` find the library that
-- is embedded in the module.
local loaded, why = pcall(require, "neap")
if not loaded then io.stderr:write("spec.support.helper: cannot load neap: ", why, "\n") end

--- The large number in release, the small one under sanitizers and other slow builds.
function helper.scale(large, small)
    return helper.preset == "release" and large or small
end

local base, made = nil, 0

--- The path of a directory that is still to be made, removed when the process ends.
local function new_path()
    if not base then
        local path = from_popen("mktemp -d"):gsub("\n$", "")
        base = setmetatable({ path = path }, {
            __gc = function() os.execute("rm -rf " .. quote(path)) end,
        })
    end
    made = made + 1
    return ("%s/%d"):format(base.path, made)
end

--- Makes an empty directory, removed when the process ends.
---@return string path
function helper.tmpdir()
    local path = new_path()
    assert(os.execute("mkdir " .. quote(path)))
    return path
end

--- Reads a whole file; relative paths start at the repository's root.
---@param path string
---@return string
function helper.read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

--- Writes a whole file.
---@param path string
---@param text string
function helper.write(path, text)
    local file = assert(io.open(path, "wb"))
    assert(file:write(text))
    file:close()
    return path
end

---@param path string
---@return boolean
function helper.exists(path)
    local file = io.open(path, "rb")
    if file then file:close() end
    return file ~= nil
end

--- The environment of a command under test: nothing of ours but what sanitizers need.
local function environment(home, extra)
    local words = { "env", "-i", "--default-signal" }
    local function set(name, value)
        if value then words[#words + 1] = quote(name .. "=" .. value) end
    end
    for _, name in ipairs { "PATH", "LANG", "TZ", "TMPDIR", "ASAN_OPTIONS", "LSAN_OPTIONS",
        "UBSAN_OPTIONS", "TSAN_OPTIONS" } do
        set(name, os.getenv(name))
    end
    set("HOME", home)
    for _, name in ipairs { "CONFIG", "STATE", "CACHE", "DATA" } do
        set("XDG_" .. name .. "_HOME", home .. "/" .. name:lower())
    end
    for name, value in pairs(extra or {}) do set(name, value) end
    return table.concat(words, " ")
end

--- The command's words; under spec/support/peak.c, which writes into the file `peak`, where that is given.
local function command_line(args, peak)
    local words = peak and { quote(helper.build .. "/spec/peak"), quote(peak) } or {}
    words[#words + 1] = quote(helper.bin)
    for _, word in ipairs(args) do words[#words + 1] = quote(tostring(word)) end
    return table.concat(words, " ")
end

---@class helper.Options
---@field env? table<string, string> added to the environment, which is otherwise empty
---@field stdin? string standard input; nothing by default
---@field cwd? string working directory; an empty one by default
---@field home? string HOME (with config, state, ... below it); an empty one by default
---@field timeout? number seconds until the command is killed (exit code 124), default 300
---@field peak? boolean say how much memory it had at most

--- Runs the neap command to its end.
---@param args (string|number)[]
---@param opts? helper.Options
---@return { code: integer, out: string, err: string, peak_kib?: integer }
function helper.cli(args, opts)
    opts = opts or {}
    local dir = new_path() -- made by the one shell that is needed anyway
    local home = opts.home or dir
    local stdin = opts.stdin and helper.write(dir .. ".stdin", opts.stdin) or "/dev/null"
    local cwd = opts.cwd or dir .. "/cwd"
    local _, how, code = os.execute(("mkdir -p %s && cd %s && %s timeout -k 10 %d %s <%s >%s 2>%s")
        :format(quote(dir .. "/cwd"), quote(cwd), environment(home, opts.env), opts.timeout or 300,
            command_line(args, opts.peak and dir .. "/.peak"), quote(stdin), quote(dir .. "/.out"),
            quote(dir .. "/.err")))
    return {
        code = how == "signal" and 128 + code or code,
        out = helper.read(dir .. "/.out"),
        err = helper.read(dir .. "/.err"),
        peak_kib = opts.peak and tonumber(helper.read(dir .. "/.peak")) or nil,
    }
end

---@class helper.Process a command under way
---@field pid integer
local Process = {}
Process.__index = Process

--- Reads the next line of its standard output, waiting for it; nil at its end.
function Process:line()
    local line = self.pipe:read("l")
    if line then self.lines[#self.lines + 1] = line .. "\n" end
    return line
end

--- What it has written to standard error so far.
function Process:err()
    return helper.read(self.err_path)
end

--- Sends a signal, such as "INT".
function Process:signal(name)
    return os.execute(("kill -%s %d 2>/dev/null"):format(name, self.pid))
end

--- Waits for its end.
---@return { code: integer, out: string, err: string }
function Process:wait()
    while self:line() do end
    local _, how, code = self.pipe:close()
    return {
        code = how == "signal" and 128 + code or code,
        out = table.concat(self.lines),
        err = self:err(),
    }
end

--- Starts the neap command and goes on; for servers and signals. The caller waits for it.
---@param args (string|number)[]
---@param opts? helper.Options
---@return helper.Process
function helper.start(args, opts)
    opts = opts or {}
    local dir = helper.tmpdir()
    local stdin = opts.stdin and helper.write(dir .. "/.stdin", opts.stdin) or "/dev/null"
    local err_path = helper.write(dir .. "/.err", "")
    -- exec all the way: the shell's pid, printed first, becomes the command's.
    local pipe = assert(io.popen(("cd %s && echo $$ && exec %s %s <%s 2>%s"):format(
        quote(opts.cwd or dir), environment(opts.home or dir, opts.env), command_line(args),
        quote(stdin), quote(err_path))))
    local pid = math.tointeger(pipe:read("n"))
    pipe:read("l")
    return setmetatable({ pid = pid, pipe = pipe, err_path = err_path, lines = {} }, Process)
end

--- Waits until a condition holds; raises after a generous bound. For other processes only:
-- inside one process time is virtual.
---@param condition fun(): any
---@param what? string for the message
function helper.wait_for(condition, what)
    for _ = 1, 3000 do
        local value = condition()
        if value then return value end
        os.execute("sleep 0.02")
    end
    error("waited in vain for " .. (what or "a condition"), 2)
end

--- Compares text with spec/data/golden/NAME. With NEAP_GOLDEN=write in the environment of a
-- hand-made run it writes the file instead.
---@param name string
---@param text string
function helper.golden(name, text)
    local path = helper.root .. "/spec/data/golden/" .. name
    if os.getenv("NEAP_GOLDEN") == "write" then
        os.execute("mkdir -p " .. quote(path:match("^(.*)/")))
        helper.write(path, text)
    end
    require("luassert").are.equal(helper.read(path), text)
end

--- Asserts that nothing native is alive: task, timer, job, held operation. Use it as
-- `after_each(helper.assert_idle)`.
function helper.assert_idle()
    require("neap")
    collectgarbage()
    collectgarbage()
    for name, count in pairs(require("neap.native.task").stats()) do
        if count ~= 0 then
            error(("left alive after the spec: %s = %s"):format(name, count), 2)
        end
    end
end

return helper
