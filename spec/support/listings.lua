--- The listings of a README: finds them, and runs those of one file in one shell session.
--
-- ```sh   `$ command` lines (a `\` at the end goes on in the next line), each followed by what it
--         prints; `...` stands for anything, alone on a line for any lines; durations such as
--         `11.9 s` may differ, and lines of progress do not count. A command ends with exit code 0,
--         unless the next one is `echo $?`.
-- ```lua  a file if the first line is its path (`-- vendors/shop.lua`); else a script, run in the
--         sandbox, whose output is what stands behind `-->`; else fields of a definition.
-- ```c    a file if the first line is its path (`/* host.c */`).
-- ```nginx  a configuration, a file likewise (`# nginx.conf`). Ports 8080 and 8081 stand for free ones.

local helper = require "spec.support.helper"

local listings = {}

local quote = helper.quote

---@class spec.Listing
---@field line integer of the fence
---@field language string
---@field text string
---@field file? string its path, where it is a file

local FILE_LINE = { lua = "^%-%- ([%w_./-]+%.lua)\n", c = "^/%* ([%w_./-]+%.[ch]) %*/\n",
    nginx = "^# ([%w_./-]+%.conf)\n" }

--- Gets the listings of a README in order.
---@param path string relative to the repository
---@return spec.Listing[]
function listings.of(path)
    local found, open, number = {}, nil, 0
    for line in helper.read(helper.root .. "/" .. path):gmatch "([^\n]*)\n" do
        number = number + 1
        if line:find "^```" and open then
            open.text = table.concat(open.lines, "\n") .. "\n"
            local pattern = FILE_LINE[open.language]
            open.file = pattern and open.text:match(pattern)
            found[#found + 1], open = open, nil
        elseif line:find "^```" then
            open = { line = number, language = line:sub(4), lines = {} }
        elseif open then
            open.lines[#open.lines + 1] = line
        end
    end
    assert(not open, path .. ": a listing without an end")
    return found
end

---@class spec.Step a file that is written, a command that is run, or both in this order
---@field line integer
---@field file? string
---@field text? string of the file
---@field command? string
---@field expected? string[]
---@field may_fail? boolean

--- The commands of a ```sh listing. `./scripts/test` would run this very spec: it is left out.
---@param listing spec.Listing
---@return spec.Step[]
local function shell_steps(listing)
    local steps, step, number = {}, nil, listing.line
    for _, line in ipairs(listing.lines) do
        number = number + 1
        local command = line:match "^%$ (.*)"
        if step and step.command:find "\\$" then
            step.command = step.command .. "\n" .. line
        elseif command then
            step = { line = number, command = command, expected = {} }
            steps[#steps + 1] = step
        else
            assert(step, ("line %d: output without a command"):format(number))
            step.expected[#step.expected + 1] = line
        end
    end
    for i, one in ipairs(steps) do
        local following = steps[i + 1]
        one.may_fail = following and following.command:find "^echo %$%?" ~= nil
        if one.expected[#one.expected] == "" then table.remove(one.expected) end
    end
    return steps
end

local function is_test_run(step)
    return step.command:find "^%./scripts/test" ~= nil
end

--- A script without a name is run in the sandbox; its output is told behind `-->`.
local function script_step(listing)
    local expected = {}
    for text in listing.text:gmatch "%-%-> ([^\n]*)" do expected[#expected + 1] = text end
    return {
        line = listing.line, expected = expected, text = listing.text,
        file = ("listing-%d.lua"):format(listing.line),
        command = ("neap run ./listing-%d.lua --sandbox --clock virtual"):format(listing.line),
    }
end

--- Is it part of a definition: fields, as in `limits = { ... }`?
---@param listing spec.Listing
function listings.is_fields(listing)
    local code = listing.text:gsub("%-%-[^\n]*", "")
    return listing.language == "lua" and code:find "^%s*[%a_]+ = " ~= nil
end

--- Is it a definition that is no file?
---@param listing spec.Listing
function listings.is_definition(listing)
    return listing.language == "lua" and not listing.file
        and listing.text:find "return vendor%.define" ~= nil
end

--- Gets the steps of a README in the order of reading: commands, and files that are written.
---@param found spec.Listing[]
---@return spec.Step[]
function listings.steps(found)
    local steps = {}
    for _, listing in ipairs(found) do
        if listing.file then
            steps[#steps + 1] = { line = listing.line, file = listing.file, text = listing.text }
        elseif listing.language == "sh" then
            for _, step in ipairs(shell_steps(listing)) do
                if not is_test_run(step) then steps[#steps + 1] = step end
            end
        elseif listing.language == "lua" and not listings.is_fields(listing)
            and not listings.is_definition(listing) then
            steps[#steps + 1] = script_step(listing)
        end
    end
    return steps
end

local SANITIZERS = { asan = "address,undefined", tsan = "thread" }

--- Two ports that are most likely free, instead of those in a README; and the module of this build.
local free_port = math.random(20000, 31000)

local function here(text)
    local library = helper.preset == "asan" and ("http {\nneap_library %s/libneap.so;"):format(helper.build)
    text = text:gsub("%f[%d]8080%f[%D]", free_port):gsub("%f[%d]8081%f[%D]", free_port + 1)
    text = text:gsub("/usr/local/lib/nginx/modules/", helper.build .. "/")
    return library and text:gsub("http {", library) or text
end

--- nginx with the sanitizer inside, and with its workers as ourselves: the folder is ours alone.
local NGINX = [[#!/bin/sh
[ "$(id -u)" -ne 0 ] || set -- -g "user root;" "$@"
%s
exec /usr/sbin/nginx -e stderr "$@"
]]

local function write_nginx(bin)
    local sanitize = helper.preset == "asan" and
        "export LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0" or ""
    helper.write(bin .. "/nginx", NGINX:format(sanitize))
    assert(os.execute(("chmod +x %s/nginx"):format(bin)))
end

--- What a reader has on the path: neap, and under sanitizers the interpreter and a library's user
-- with the sanitizer inside.
local function write_tools(bin)
    local sanitizer = SANITIZERS[helper.preset]
    local flags = sanitizer and " -fsanitize=" .. sanitizer or ""
    assert(os.execute(("mkdir -p %s && ln -s %s %s/neap"):format(bin, quote(helper.bin), bin)))
    helper.write(bin .. "/neap.pc", table.concat({
        "Name: neap", "Description: libneap of this build", "Version: 0",
        ("Cflags: -I%s/csrc/include%s"):format(helper.root, flags),
        ("Libs: -L%s -Wl,-rpath,%s -lneap%s"):format(helper.build, helper.build, flags), "",
    }, "\n"))
    write_nginx(bin)
    if not sanitizer then return end
    helper.write(bin .. "/lua5.4", ([[#!/bin/sh
LD_PRELOAD=$(gcc -print-file-name=lib%s.so) exec /usr/bin/lua5.4 "$@"
]]):format(helper.preset))
    assert(os.execute(("chmod +x %s/lua5.4"):format(bin)))
end

--- Makes the directory in which a reader is: the repository, with scripts of its own to write to.
---@param dir string
local function write_tree(dir)
    assert(os.execute(([[
        cd %s && cp -r %s/scripts . && rm -f scripts/neap && ln -s %s scripts/neap &&
        for name in csrc lua spec .busted; do ln -s %s/$name .; done]]):format(
        dir, quote(helper.root), quote(helper.bin), quote(helper.root))))
end

--- The lines of the session that write a file; its text waits in `base`.
local function add_file(lines, base, number, step)
    helper.write(("%s/file-%d"):format(base, number), here(step.text))
    local folder = step.file:match "^(.*)/"
    if folder then lines[#lines + 1] = "mkdir -p " .. quote(folder) end
    lines[#lines + 1] = ("cp %s/file-%d %s"):format(base, number, quote(step.file))
end

local COMMAND = [[printf '\036%%d\n' %d; (exit $code); eval %s
code=$?; printf '\037%%d\n' $code]]

--- One shell for all commands: what one leaves behind, the next one finds, `$?` and `$!` included.
local function shell_script(base, steps)
    local lines = {
        "exec 2>&1", "cd " .. base .. "/neap",
        "trap 'kill $(jobs -p) $(cat nginx.pid 2>/dev/null) 2>/dev/null' EXIT", "code=0",
    }
    for i, step in ipairs(steps) do
        if step.file then add_file(lines, base, i, step) end
        if step.command then lines[#lines + 1] = COMMAND:format(i, quote(here(step.command))) end
    end
    return table.concat(lines, "\n") .. "\n"
end

local function environment(home, bin)
    local words = { "env", "-i", "--default-signal" }
    local function set(name, value)
        if value then words[#words + 1] = quote(name .. "=" .. value) end
    end
    for _, name in ipairs { "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS" } do
        set(name, os.getenv(name))
    end
    set("PATH", bin .. ":" .. os.getenv "PATH")
    set("HOME", home)
    set("LANG", "C.UTF-8")
    set("TZ", "UTC")
    set("PKG_CONFIG_PATH", bin)
    set("LUA_CPATH", helper.build .. "/?.so;;")
    set("LUA_PATH", helper.root .. "/?.lua;;")
    set("NEAP_BUILD", helper.build)
    set("NEAP_BIN", helper.bin)
    return table.concat(words, " ")
end

--- Runs the steps of a README, one after the other.
---@param steps spec.Step[]
---@return { out: string, code: integer }[] results by step
function listings.run(steps)
    local base = helper.tmpdir()
    assert(os.execute(("mkdir -p %s/neap %s/home"):format(base, base)))
    write_tools(base .. "/bin")
    write_tree(base .. "/neap")
    helper.write(base .. "/session.sh", shell_script(base, steps))
    os.execute(("%s timeout -k 10 240 bash %s/session.sh >%s/out </dev/null"):format(
        environment(base .. "/home", base .. "/bin"), base, base))
    local results = {}
    for i, out, code in helper.read(base .. "/out"):gmatch "\x1e(%d+)\n(.-)\x1f(%d+)\n" do
        results[tonumber(i)] = { out = out, code = tonumber(code) }
    end
    return results
end

--- How long something took differs from run to run.
local function any_duration(line)
    return (line:gsub("%d+%.%d s%f[%W]", "N s"))
end

local function line_pattern(line)
    local text = any_duration(here(line):gsub("%s+$", "")):gsub("%p", "%%%0")
    return "^" .. text:gsub("%%%.%%%.%%%.", ".-") .. "$"
end

--- Does output, line by line, match what is expected?
---@param lines string[]
---@param expected string[]
local function matches(lines, expected, i, j)
    if j > #expected then return i > #lines end
    if expected[j] == "..." then
        for from = i, #lines + 1 do
            if matches(lines, expected, from, j + 1) then return true end
        end
        return false
    end
    return i <= #lines and lines[i]:find(line_pattern(expected[j])) ~= nil
        and matches(lines, expected, i + 1, j + 1)
end

--- Gets what is wrong with a result; nil if it is as the README says.
---@param step spec.Step
---@param result { out: string, code: integer }|nil
---@return string?
function listings.fault(step, result)
    if not result then return "the session ended before this command" end
    local lines = {}
    for line in result.out:gmatch "([^\n]*)\n?" do
        local is_progress = line:find "^neap: %d+ records: .*%d/s"
        if not is_progress then lines[#lines + 1] = any_duration(line:gsub("%s+$", "")) end
    end
    while lines[#lines] == "" do table.remove(lines) end
    local said = ("%s\n--- printed (exit code %d)\n%s--- the README has\n%s\n"):format(
        step.command, result.code, result.out, table.concat(step.expected, "\n"))
    if result.code ~= 0 and not step.may_fail then return said .. "--- and exit code 0" end
    if not matches(lines, step.expected, 1, 1) then return said end
end

return listings
