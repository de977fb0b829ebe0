--- Pages that are read while they arrive: bytes go from the response to a reader of records in C, which gives one
-- at a time. The vendor is held back while nobody asks for the next one. What breaks off is asked for again, and
-- goes on behind the last record that was taken, if what came before it is the same.

local errors = require "neap.error"
local fold = require "neap.schema.fold"
local json = require "neap.native.json"
local pages = require "neap.paging.page"
local reply = require "neap.call.reply"
local split = require "neap.native.split"
local xml_records = require "neap.xml.records"

local M = {}

local BEGINNING = 512 -- bytes, for messages

---@class neap.paging.Stream
---@field body neap.call.Body
---@field paging neap.Paging
---@field ordered? boolean
---@field is_xml boolean
---@field reader userdata that takes the bytes
---@field records userdata|neap.xml.Records that gives records: the reader, if they are JSON
---@field take fun(records: userdata|neap.xml.Records): any, neap.Error? its method `next`, looked up once
---@field begins string the body's beginning
---@field before integer bytes of earlier readers
---@field is_fed boolean all bytes are in the reader
local Stream = {}
Stream.__index = Stream

-- Bytes -----------------------------------------------------------------------------------------

--- Makes the reader of a body that has just been opened.
local function begin(self)
    local bound, res = self.body.bound, self.body.res
    self.is_xml = bound.reads_xml and reply.is_xml(res)
    self.begins, self.is_fed = res:body(BEGINNING), false
    if self.is_xml then
        local opts = { ordered = self.ordered, way = self.paging.records }
        self.records = xml_records.new(bound.endpoint.returns, opts)
        self.reader = self.records.reader
    else
        local way = self.paging.records or bound.endpoint.envelope.way
        self.reader = split.reader { format = "json", way = way, ordered = self.ordered }
        self.records = self.reader
    end
    self.take = self.records.next
end

--- Waits for more bytes. -> true: there are more, or the last record is complete only now | false: that was all |
-- nil, err
local function pour(self)
    if self.is_fed then return false end
    local more, err = self.body.res:pour(self.reader)
    if err then
        err.sent = true
        return nil, err
    end
    self.is_fed = not more
    return true
end

--- Says of a document that cannot be read what it is instead. Behind the first record it was what it should be, and
-- the error is one of the record that it names.
local function explain(self, err)
    if err.kind ~= "decode" or self.reader:count() > 1 then return err end
    err.message = ("the reply is no %s: %s"):format(self.is_xml and "XML" or "JSON", err.message)
    return reply.decode_error(err, self.body.res, self.begins)
end

--- What is wrong with a document that has ended and has no more records, if anything.
local function fault_of(self)
    local _, err = self.take(self.records)
    if err and not err.truncated then return explain(self, err) end
    if err then err.sent = true
    elseif self.reader:count() == 0 then _, err = self:rest()
    end
    return err
end

local function other_records()
    return errors.new {
        kind = "decode", message = "the reply broke off, and the one to the same request after it has other records",
        hint = "start again: what was read is not what the vendor has now",
    }
end

--- Leaves out records that were taken before the body broke off. -> true | nil, err, whether it broke off again
local function catch_up(self, count, hash)
    count = count - self.reader:skip(count)
    while count > 0 do
        local more, err = pour(self)
        if err then return nil, err, true end
        if not more then
            err = fault_of(self) or other_records()
            return nil, err, err.truncated
        end
        count = count - self.reader:skip(count)
    end
    if self.reader:hash() == hash then return true end
    return nil, other_records()
end

--- Asks for the body again after it broke off, as often as the call's retry program allows. -> true | nil, err
local function reopen(self, err)
    local count, hash = self.reader:count(), self.reader:hash()
    local ok, is_broken
    repeat
        self.before = self.before + self.reader:bytes()
        ok, err = self.body:reopen(err)
        if not ok then return nil, err end
        begin(self)
        ok, err, is_broken = catch_up(self, count, hash)
    until not is_broken
    if ok then return true end
    return self.body:fail(err)
end

--- Goes on where the reader has no record at hand. `err` is what it has instead, if anything. -> true | false at the
-- end | nil, err
local function go_on(self, err)
    local more
    if not err then
        more, err = pour(self)
        if not err then return more end
    elseif not (err.truncated and self.is_fed) then
        return self.body:fail(explain(self, err))
    end
    err.sent = true
    return reopen(self, err)
end

-- Records ---------------------------------------------------------------------------------------

--- Waits for the next record, of which the reader had none at hand; nil at the end.
---@async
---@param err? neap.Error what it had instead
---@return any|nil record
---@return neap.Error? err
function Stream:await(err)
    local record
    repeat
        local more
        more, err = go_on(self, err)
        if not more then return nil, err end
        record, err = self.take(self.records)
    until record ~= nil
    return record
end

--- Gets what a map makes of several records, or puts it into a file; nil at the end.
---@async
---@param program userdata
---@param max integer bytes, about
---@param file? userdata
---@return string|true|nil text true: it is in the file
---@return integer|neap.Error|nil count or err
function Stream:texts(program, max, file)
    local text, count = self.reader:text(program, max, file)
    while text == nil do
        local more, err = go_on(self, count)
        if not more then return nil, err end
        text, count = self.reader:text(program, max, file)
    end
    return text, count
end

--- The document without its records, as an answer that has none. -> neap.Reply | nil, err
function Stream:rest()
    local bound, res = self.body.bound, self.body.res
    local decoded, err
    if self.is_xml then
        decoded, err = self.records:rest()
    else
        decoded, err = json.decode(self.reader:frame(), bound.decode_options)
    end
    if decoded == nil then return self.body:fail(explain(self, err)) end
    local payload, failed, _, body = reply.judge(bound, decoded, nil, res, self.begins)
    if payload == nil then return self.body:fail(failed) end
    return { payload = payload, body = body, url = self.body.url, header = function(name) return res:header(name) end }
end

-- Pages -----------------------------------------------------------------------------------------

--- Makes the page of a body that has been opened. See source.lua.
---@param paging neap.Paging
---@param body neap.call.Body
---@param ordered? boolean
---@return table page
function M.page(paging, body, ordered)
    local options = body.bound.decode_options -- of all calls
    local self = setmetatable({
        body = body, paging = paging, ordered = ordered or options and options.ordered, before = 0,
    }, Stream)
    begin(self)
    local finish, may_trail = body.bound.any_case and fold.readable or nil, pages.may_trail(paging)
    local page, tail = { url = body.url }, nil -- a page of nothing but what is beside the records

    --- The records are over only if all the rest is right.
    local function conclude(last)
        if tail then return nil end
        local answer, err = self:rest()
        if not answer then return nil, err end
        tail, err = pages.new(paging, answer, last)
        if not tail then return self.body:fail(err) end
    end

    local held, failed -- of a page that may end with a cursor: the last record so far

    --- Keeps one record back, for it may be the cursor.
    local function next_held(record)
        local earlier = held
        held = record
        if record ~= nil and earlier == nil then return page.next_record() end
        if record ~= nil then return earlier end
        if failed then return nil, failed end
        local _, err = conclude(earlier)
        if not err then return tail.count > 0 and earlier or nil end
        if earlier == nil or pages.is_trailer(paging, earlier) then return nil, err end
        failed = err -- of the next one that is asked for
        return earlier
    end

    --- Goes on where the reader had no record at hand.
    local function next_awaited(err)
        local record
        record, err = self:await(err)
        if err then return nil, err end
        if record ~= nil and finish then record = finish(record) end
        if may_trail then return next_held(record) end
        if record ~= nil then return record end
        return conclude()
    end

    function page.next_record()
        local record, err = self.take(self.records)
        if record == nil then return next_awaited(err) end
        if finish then record = finish(record) end
        if may_trail then return next_held(record) end
        return record
    end

    function page.reader()
        if not self.is_xml and not may_trail and not finish then return self.reader end
    end

    if not self.is_xml and not may_trail then
        function page.texts(program, max, file)
            local text, count = self:texts(program, max, file)
            if text or count then return text, count end
            return conclude()
        end
    end

    function page.member(keys) return tail.member(keys) end

    function page.header(name) return body.res:header(name) end

    function page.bytes() return self.before + self.reader:bytes() end

    function page.close() body:close() end

    return page
end

return M
