--- One walk over the records of all pages. It knows a style (style.lua) and a source of pages (source.lua),
-- nothing of replies: it takes records one by one, and asks what follows when a page has no more of them,
-- earlier only where the source knows that page already.

local errors = require "neap.error"
local guards = require "neap.paging.guard"
local json = require "neap.native.json"
local split = require "neap.native.split"
local task = require "neap.native.task"

local M = {}

--- Pages after which a walk without a bound of its own is taken for an endless one.
local MOST_PAGES = 100000

--- The size of a page that takes too long, or too much memory, is halved, down to this part of it.
local SMALLEST_PART = 16
local TOO_LARGE = { timeout = true, too_large = true }

---@class neap.paging.Walk
---@field source neap.paging.Source
---@field style table
---@field origin { vendor: string, endpoint: string }
---@field position any of the page that is read, or of the next one to fetch
---@field size? integer records per page
---@field least integer size below which it is not halved
---@field page? table
---@field sample any[] first records of the page, read ahead, and `err` that broke it
---@field taken integer records of the page that were handed out
---@field pull? fun(): any, neap.Error? of a page that is still arriving, once the sample was handed out
---@field direct? userdata that takes records of such a page where they are, for the iterator
---@field look_at number records taken of the page after which the next one may be asked for
---@field decision? { position: any, err: neap.Error? } what follows the page
---@field ahead? neap.Task that fetches the next page; it must not refer to the walk, see __gc
---@field pages integer fetched
---@field handed integer records of the pages before
---@field heard integer bytes of the pages before
---@field ordered? boolean records remember the order of their names
---@field unfit? neap.Error of a record that a map could not take, to be raised behind the lines before it
---@field is_asked boolean a task waits for a page
---@field is_over boolean
local Walk = {}
Walk.__index = Walk

---@param source neap.paging.Source
---@param style table
---@param opts { size?: integer, max_pages?: integer, max_records?: integer, vendor: string, endpoint: string }
---@return neap.paging.Walk
function M.new(source, style, opts)
    local walk = setmetatable({
        source = source, style = style, position = style.start, size = opts.size, guard = guards.new(),
        least = opts.size and math.max(opts.size // SMALLEST_PART, 1), pages = 0, handed = 0, taken = 0, heard = 0,
        max_pages = opts.max_pages, max_records = opts.max_records or math.huge, is_over = false, is_asked = false,
        origin = { vendor = opts.vendor, endpoint = opts.endpoint },
    }, Walk)
    if style.is_token and style.start ~= nil then walk.guard:visit(style.start) end
    return walk
end

--- Ends what fetches a page; one that is there already is not needed.
local function drop(ahead)
    ahead:cancel()
    local page = ahead:status() == "done" and ahead:await() or nil
    if page then page.close() end
end

--- Ends the walk: what was fetched ahead is not needed. Idempotent.
function Walk:close()
    self.is_over = true
    if self.ahead then drop(self.ahead) end
    if self.page then self.page.close() end
    if self.direct then self.direct:use(nil) end
    self.ahead, self.page, self.pull = nil, nil, nil
end

Walk.__close = Walk.close

--- Of an iterator that was forgotten: what was fetched ahead for it ends. In a task, since what a cancelled
-- task closes is nothing for the middle of any allocation.
function Walk.__gc(walk)
    if walk.ahead then task.detach(walk.ahead.cancel, walk.ahead) end
end

--- Ends the walk with an error.
local function fail(walk, err)
    walk:close()
    err.vendor, err.endpoint = err.vendor or walk.origin.vendor, err.endpoint or walk.origin.endpoint
    err.where, err.outcome = err.where or errors.caller(), err.outcome or "rejected"
    error(err, 0)
end

-- Pages -----------------------------------------------------------------------------------------

local function fetch_at(walk, position)
    local values, target = walk.style.request(position, walk.size)
    return walk.source.fetch(values, target, walk.ordered)
end

--- Starts to fetch a page. The task is nobody's child: who asked for a record need not wait for the page,
-- and may be cancelled without it.
local function start_ahead(walk, position)
    local values, target = walk.style.request(position, walk.size)
    local ahead = task.detach(walk.source.fetch, values, target, walk.ordered)
    local slot = task.attached() -- of the record that a delivery works on
    if slot then task.attach(ahead, slot:child()) end
    return ahead
end

--- The page that was asked for already; what ended only because its delivery did is asked for anew.
local function fetch_ahead(walk)
    local ahead = walk.ahead
    local ok, page, err = pcall(ahead.await, ahead) -- whoever is cancelled here leaves it to the next one
    walk.ahead = nil
    if walk.is_over then return nil end
    if not ok then error(page, 0) end
    if err and err.kind == "cancelled" then return fetch_at(walk, walk.position) end
    return page, err
end

--- The page at the walk's position. -> page | nil, err
local function fetch(walk)
    if walk.ahead then return fetch_ahead(walk) end
    return fetch_at(walk, walk.position)
end

--- Halves the pages after a failure that smaller ones may not have. False: they cannot be smaller.
local function shrink(walk, err)
    if not TOO_LARGE[err.kind] or not walk.size then return false end
    local smaller = math.max(walk.size // 2, walk.least)
    if smaller == walk.size then return false end
    local position = walk.position
    if position ~= nil then position = walk.style.resized(position, walk.size, smaller) end
    if position == nil and walk.position ~= nil then return false end
    walk.position, walk.size = position, smaller
    return true
end

--- How to go on where the walk ends.
local function hint_of(walk)
    if walk.handed + walk.taken == 0 or walk.position == nil then return nil end
    local resume, is_exact = walk.style.resume(walk.position, walk.taken)
    if not resume then return nil end
    local taken = (is_exact or walk.taken == 0) and "" or (", behind its first %d records"):format(walk.taken)
    return "to go on there: " .. resume .. taken
end

--- Says in an error how to go on, unless there is something more important. `resumes`: this is what the hint is.
local function add_hint(walk, err)
    if err.hint then return end
    err.hint = hint_of(walk)
    err.resumes = err.hint ~= nil or nil
end

--- Reads the beginning of a page, by which it is known again. An error in it waits for its turn.
local function read_sample(page)
    local sample = { at = 0 }
    while #sample < guards.SAMPLE do
        local record, err = page.next_record()
        sample.err = err
        if record == nil then break end
        sample[#sample + 1] = record
    end
    return sample
end

--- Held while a page is fetched: a second task would fetch the same one. `page` is closed unless it is taken.
local Asking = { __close = function(asking)
    asking.walk.is_asked = false
    if asking.page then asking.page.close() end
end }

local function ask(walk)
    if walk.is_asked then
        errors.misuse "each: another task waits for the next record; neap.map shares an iterator among tasks"
    end
    walk.is_asked = true
    return setmetatable({ walk = walk }, Asking)
end

--- False: the walk was closed meanwhile.
local function open_page(walk)
    local asking <close> = ask(walk)
    local page, err = fetch(walk)
    while not page and not walk.is_over do
        if not shrink(walk, err) then
            add_hint(walk, err)
            fail(walk, err)
        end
        page, err = fetch(walk)
    end
    asking.page = page
    local sample = not walk.is_over and read_sample(page)
    if walk.is_over then return false end
    asking.page = nil
    walk.page, walk.sample, walk.pages = page, sample, walk.pages + 1
    walk.taken, walk.decision = 0, nil
    walk.look_at = page.count and (page.count + 1) // 2 or math.huge
    if walk.style.is_url then walk.guard:visit(page.url) end
    err = not walk.sample.err and walk.guard:compare(walk.sample)
    if err then fail(walk, err) end
    return true
end

-- What follows ----------------------------------------------------------------------------------

--- Judges the position after a page of `count` records. -> position | nil at the end | nil, err
local function follow(walk, count)
    local position, err = walk.style.after(walk.page, walk.position, count, walk.size)
    if position == nil then return nil, err end
    err = walk.guard:count(count)
    if err then return nil, err end
    if walk.style.is_token and not walk.guard:visit(position) then
        return errors.fail("decode", "the pages go round in a circle: page %d leads back to an earlier one", walk.pages)
    end
    return position
end

local function decide(walk, count)
    if not walk.decision then
        local position, err = follow(walk, count)
        walk.decision = { position = position, err = err }
    end
    return walk.decision
end

local function is_last(walk, decision)
    return decision.position == nil or walk.pages >= (walk.max_pages or MOST_PAGES)
end

--- Where the limits have no room for the next page, it is looked again after this part of the present one.
local LOOK_EVERY = 64

--- Half-way through a page that is known as a whole, or later, asks for the next one where the limits have
-- room for it now: it must not wait before calls that are needed sooner.
local function look_ahead(walk)
    if walk.taken < walk.look_at then return end
    local count = walk.page.count
    local decision = decide(walk, count)
    walk.look_at = math.huge
    if decision.err or is_last(walk, decision) or walk.handed + count >= walk.max_records then return end
    if walk.source.may_fetch() then
        walk.ahead = start_ahead(walk, decision.position)
    else
        walk.look_at = walk.taken + 1 + count // LOOK_EVERY
    end
end

--- Goes on behind a page without more records.
local function close_page(walk)
    local decision = decide(walk, walk.taken)
    if decision.err then fail(walk, decision.err) end
    walk.heard = walk.heard + walk.page.bytes()
    walk.page.close()
    walk.handed, walk.taken = walk.handed + walk.taken, 0
    walk.page, walk.pull = nil, nil
    if walk.direct then walk.direct:use(nil) end
    if is_last(walk, decision) then
        if decision.position == nil or walk.max_pages then return walk:close() end
        fail(walk, errors.new {
            kind = "too_large", message = ("no end after %d pages"):format(MOST_PAGES),
            hint = "max_pages of client:each allows more",
        })
    end
    walk.position = decision.position
end

-- Records ---------------------------------------------------------------------------------------

--- The next record of the page: one of those read ahead, else a fresh one.
local function take(walk)
    local sample = walk.sample
    if sample.at < #sample then
        sample.at = sample.at + 1
        return sample[sample.at]
    end
    if sample.err then return nil, sample.err end
    return walk.page.next_record()
end

--- Once the sample is used up, a page that is still arriving is asked for its records directly.
local function note_pull(walk)
    local is_direct = not walk.page.count and walk.sample.at == #walk.sample and not walk.sample.err
    if is_direct and walk.max_records == math.huge then walk.pull = walk.page.next_record end
end

--- Lets the iterator take the records that are at hand; those that it took count.
local function use_direct(walk)
    if walk.pull and walk.direct and walk.page.reader then walk.direct:use(walk.page.reader()) end
end

local function count_direct(walk)
    if walk.direct then walk.taken = walk.taken + walk.direct:taken() end
end

--- Goes on with what a page had: a record of it, an error, or nothing more.
local function go_on(walk, record, err)
    while record == nil do
        if err then
            add_hint(walk, err)
            fail(walk, err)
        end
        if walk.page then close_page(walk) end
        if walk.is_over then return nil end
        if walk.handed >= walk.max_records then return walk:close() end
        if not open_page(walk) then return nil end
        record, err = take(walk)
    end
    walk.taken = walk.taken + 1
    if walk.page.count then look_ahead(walk) else note_pull(walk) end
    return record
end

--- Gets the next record; nil at the end. Raises an error object, after which the walk is over.
---@async
function Walk:next_record()
    local pull = self.pull
    count_direct(self)
    if pull then
        local record, err = pull()
        if record == nil then return go_on(self, nil, err) end
        self.taken = self.taken + 1
        return record
    end
    if self.is_over then return nil end
    if not self.page then return go_on(self) end
    if self.handed + self.taken >= self.max_records then return self:close() end
    return go_on(self, take(self))
end

--- Makes the function that gives one record after the other, as next_record does: once.
---@return fun(): any
function Walk:iterator()
    local next_record
    next_record, self.direct = split.pull(function()
        local record = self:next_record()
        use_direct(self)
        return record
    end)
    return next_record
end

--- The line of the record that was handed out last. -> line | nil, err: it counts as not handed out
local function line_of(walk, program, record)
    local line, err = program:line((json.encode(record)))
    if line then return line end
    err.message = ("record %d: %s"):format(walk.taken, err.message)
    walk.taken = walk.taken - 1
    add_hint(walk, err)
    return nil, err
end

--- What a map makes of single records: of all that are at hand where a page is there as a whole, else of one.
-- Nothing is waited for while there is something to hand out. An error waits behind the lines before it.
local function lines(walk, program, max)
    if walk.unfit then fail(walk, walk.unfit) end
    local parts, size = {}, 0
    repeat
        local record = walk:next_record()
        if record == nil then break end
        local line, err = line_of(walk, program, record)
        if not line and not parts[1] then fail(walk, err) end
        walk.unfit, parts[#parts + 1] = err, line
        size = size + #(line or "")
    until not line or size >= max or walk.taken >= (walk.page.count or 0)
    if parts[1] then return table.concat(parts), #parts end
end

--- Gets the lines that a map makes of some of the next records; nil at the end. Raises as `next_record` does. Where no
-- record was asked for before, the map sees the names in the vendor's order.
---@async
---@param program userdata of neap.native.mapping
---@param max integer bytes, about
---@param file? userdata of neap.native.file; lines that need not be strings go into its buffer
---@return string|true|nil text true: it is in the file
---@return integer|nil count of records
function Walk:texts(program, max, file)
    if self.pages == 0 then self.ordered = true end
    count_direct(self)
    while self.pull and self.page.texts do
        local text, count = self.page.texts(program, max, file)
        if text then
            self.taken = self.taken + count
            return text, count
        end
        if count then
            add_hint(self, count)
            fail(self, count)
        end
        close_page(self)
    end
    return lines(self, program, max)
end

--- How far the walk is.
---@return integer records
---@return integer bytes of the answers
function Walk:progress()
    count_direct(self)
    return self.handed + self.taken, self.heard + (self.page and self.page.bytes() or 0)
end

return M
