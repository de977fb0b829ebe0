--- nginx with the module of the build under test: its configuration, its files and its logs are in a folder of
--- the spec's own. Requests go over the wire, from tasks of this process.

local helper = require "spec.support.helper"
local neap = require "neap"

local nginx = {}

local quote = helper.quote

local BINARY = "/usr/sbin/nginx"
local MODULES = "/usr/lib/nginx/modules"
local IS_ASAN = helper.preset == "asan"

--- What must never stand in the log.
local FATAL = { "Sanitizer", "runtime error:", "exited on signal", "%[alert%]", "%[emerg%]" }

local function shell(command)
    local pipe = assert(io.popen(command))
    local text = pipe:read("a")
    pipe:close()
    return text
end

--- Is this machine able to run it, with the LuaJIT module where that is wanted?
function nginx.is_there()
    return helper.exists(BINARY) and helper.exists(helper.build .. "/ngx_http_neap_module.so")
end

nginx.is_asan = IS_ASAN
nginx.is_root = shell "id -u" == "0\n"

---@class spec.nginx.Options
---@field files table<string, string> written into its folder; the configuration is there, too. @PORT@ in them
---      and in the blocks stands for the port
---@field server? string what stands in the server block
---@field http? string before it, in the http block
---@field main? string in front of everything
---@field before? string modules that are loaded before ours
---@field after? string
---@field workers? integer default 1
---@field connections? integer default 1024
---@field user? string of the workers; as a rule whose tests these are
---@field env? table<string, string>
---@field level? string of the error log; default "info"
---@field listen? string behind the address

local function config(dir, port, options)
    local function load_modules(names)
        return names and names:gsub("%S+", "load_module " .. MODULES .. "/%0.so;\n") or ""
    end
    local lines = {
        nginx.is_root and ("user %s;"):format(options.user or "root") or "",
        "daemon off;", "pid nginx.pid;",
        ("worker_processes %d;"):format(options.workers or 1),
        ("error_log error.log %s;"):format(options.level or "info"),
        IS_ASAN and "env LD_PRELOAD; env ASAN_OPTIONS;" or "",
        load_modules(options.before),
        ("load_module %s/ngx_http_neap_module.so;"):format(helper.build),
        load_modules(options.after),
        options.main or "",
        ("events { worker_connections %d; }"):format(options.connections or 1024),
        "http {", "access_log access.log;",
        IS_ASAN and ("neap_library %s/libneap.so;"):format(helper.build) or "",
    }
    for _, name in ipairs { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" } do
        lines[#lines + 1] = ("%s_temp_path %s/temp-%s;"):format(name, dir, name)
    end
    local state = (options.http or ""):find "neap_state" and "" or "neap_state state/state.db;"
    for _, line in ipairs {
        state, options.http or "", "server {",
        ("listen 127.0.0.1:@PORT@ backlog=4096 %s;"):format(options.listen or ""),
        options.server or "", "}", "}", "",
    } do lines[#lines + 1] = line end
    return (table.concat(lines, "\n"):gsub("@PORT@", port))
end

local function write_files(dir, port, files)
    for name, text in pairs(files or {}) do
        text = text:gsub("@PORT@", port)
        if name:find "/" then os.execute(("mkdir -p %s/%s"):format(dir, quote(name:match "^(.*)/"))) end
        helper.write(dir .. "/" .. name, text)
    end
end

--- The environment: nothing of ours but what the sanitizer needs.
local function environment(extra)
    local words = { "env", "-i", "--default-signal", "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }
    local preload = (extra or {}).LD_PRELOAD
    if IS_ASAN then
        local asan = shell("env -u LD_PRELOAD gcc -print-file-name=libasan.so"):gsub("\n", "")
        preload = preload and asan .. " " .. preload or asan
        words[#words + 1] = quote("ASAN_OPTIONS=" .. (os.getenv "ASAN_OPTIONS" or "") .. ":detect_leaks=0")
        words[#words + 1] = quote("UBSAN_OPTIONS=" .. (os.getenv "UBSAN_OPTIONS" or ""))
    end
    for name, value in pairs(extra or {}) do
        if name ~= "LD_PRELOAD" then words[#words + 1] = quote(name .. "=" .. value) end
    end
    if preload then words[#words + 1] = quote("LD_PRELOAD=" .. preload) end
    return table.concat(words, " ")
end

local function command(dir, options, arguments)
    return ("cd %s && exec setpriv --pdeathsig TERM %s %s -e error.log -p %s/ -c %s/nginx.conf %s"):format(
        dir, environment(options.env), BINARY, dir, dir, arguments or "")
end

---@class spec.nginx.Server
---@field dir string
---@field port integer
---@field pid integer of the master
local Server = {}
Server.__index = Server

--- Gets the text of the error log.
function Server:log()
    return helper.read(self.dir .. "/error.log")
end

function Server:access_log()
    return helper.read(self.dir .. "/access.log")
end

function Server:url(path)
    return ("http://127.0.0.1:%d%s"):format(self.port, path)
end

function Server:signal(name, pid)
    return os.execute(("kill -%s %d 2>/dev/null"):format(name, pid or self.pid))
end

--- Waits for a line of the error log (a pattern).
function Server:wait_log(pattern)
    return helper.wait_for(function() return self:log():match(pattern) end, "a line like " .. pattern)
end

--- The pids of the workers.
function Server:workers()
    local pids = {}
    local file = io.open(("/proc/%d/task/%d/children"):format(self.pid, self.pid))
    for pid in (file and file:read("a") or ""):gmatch "%d+" do pids[#pids + 1] = tonumber(pid) end
    if file then file:close() end
    return pids
end

--- Does a process run? One that has ended and was not waited for does not.
function nginx.is_alive(pid)
    local file = io.open(("/proc/%d/stat"):format(pid))
    if not file then return false end
    local state = (file:read("a") or ""):match "%) (%a)"
    file:close()
    return state ~= nil and state ~= "Z"
end

--- Sends a request, in a task: what neap.http.request returns.
function Server:request(request)
    if type(request) == "string" then request = { url = request } end
    request.url = self:url(request.url)
    return neap.http.request(request)
end

--- The same from outside of a task; raises where there is no answer.
function Server:get(request)
    return neap.run(function() return assert(self:request(request)) end)
end

--- Sends bytes and returns all that comes back until the server closes.
function Server:raw(text, seconds)
    local file = helper.write(helper.tmpdir() .. "/raw", text)
    return shell(("timeout %d bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d; cat %s >&3; cat <&3'"):format(
        seconds or 10, self.port, file))
end

--- Writes the configuration anew, and reloads.
function Server:reload(options)
    if options then
        write_files(self.dir, self.port, options.files)
        if options.server then self.options.server = options.server end
        helper.write(self.dir .. "/nginx.conf", config(self.dir, self.port, self.options))
    end
    local old = self:workers()
    self:signal "HUP"
    helper.wait_for(function()
        for _, pid in ipairs(self:workers()) do
            local is_old = false
            for _, before in ipairs(old) do is_old = is_old or before == pid end
            if not is_old then return true end
        end
    end, "new workers")
    return old
end

--- Waits for the master's end, after a signal.
function Server:wait()
    if not self.pipe then return end
    self.pipe:read("a")
    self.pipe:close()
    self.pipe = nil
end

--- Stops it. Raises if the log has what it must not have, unless that is an expected pattern.
function Server:stop(expected)
    if self.stopped then return end
    self.stopped = true
    if self.pipe then self:signal "TERM" end
    self:wait()
    for line in self:log():gmatch "[^\n]+" do
        for _, pattern in ipairs(FATAL) do
            if line:find(pattern) and not (expected and line:find(expected)) then error(self:log(), 0) end
        end
    end
end

--- Calls nginx with its configuration: whether that went well.
---@param arguments string
---@return boolean
function Server:command(arguments)
    return os.execute(("(%s) >>%s/out 2>&1"):format(command(self.dir, self.options, arguments), self.dir)) == true
end

local function try(options)
    local dir = helper.tmpdir()
    local port = math.random(20000, 32000)
    write_files(dir, port, options.files)
    helper.write(dir .. "/nginx.conf", config(dir, port, options))
    helper.write(dir .. "/error.log", "")
    helper.write(dir .. "/access.log", "")
    local pipe = assert(io.popen(("echo $$ && exec >%s/out 2>&1 && %s"):format(dir, command(dir, options))))
    local server = setmetatable({
        dir = dir, port = port, pid = math.tointeger(pipe:read("n")), pipe = pipe, options = options,
    }, Server)
    pipe:read("l")
    helper.wait_for(function()
        return not nginx.is_alive(server.pid) or helper.exists(dir .. "/nginx.pid")
            and #server:workers() >= (options.workers or 1)
    end, "nginx")
    return server
end

--- Starts it. The caller stops it.
---@param options spec.nginx.Options
---@return spec.nginx.Server
function nginx.start(options)
    for _ = 1, 5 do
        local server = try(options)
        if nginx.is_alive(server.pid) then return server end
        server:wait()
        local log = server:log() .. helper.read(server.dir .. "/out")
        if not log:find "Address already in use" then error("nginx does not start\n" .. log, 2) end
    end
    error "no free port"
end

--- Has nginx look at a configuration: whether it likes it, and what it says.
---@param options spec.nginx.Options
---@return boolean, string
function nginx.test(options)
    local dir = helper.tmpdir()
    write_files(dir, 20000, options.files)
    helper.write(dir .. "/nginx.conf", config(dir, 20000, options))
    local ok = os.execute(("(%s) >%s/out 2>&1"):format(command(dir, options, "-t"), dir))
    return ok == true, helper.read(dir .. "/out")
end

return nginx
