--- NDJSON lines as records, with their JSON types. A line that is a dead letter gives the record in it,
-- so that a dead-letter file can be delivered as it is.

local deadletter = require "neap.deadletter"
local errors = require "neap.error"
local json = require "neap.native.json"

local M = {}

local MAX_LINE = 16 * 1024 * 1024

local Parser = {}
Parser.__index = Parser

function M.new()
    return setmetatable({ rest = "", at = 1, line = 0 }, Parser)
end

function Parser:feed(chunk)
    self.rest = self.rest:sub(self.at) .. chunk
    self.at = 1
end

function Parser:finish()
    self.ended = true
end

--- NDJSON has no header: an empty file is an empty list of records.
function Parser:ready()
    return self ~= nil
end

function Parser:check_header()
    return self ~= nil
end

--- The next line that is not blank. -> text, line number
local function next_line(self)
    while true do
        local from, to = self.at, self.rest:find("\n", self.at, true)
        if not to then
            if #self.rest - from + 1 > MAX_LINE then
                return nil, nil, errors.new {
                    kind = "invalid", line = self.line + 1, message = "a line is longer than 16 MiB",
                }
            end
            if not self.ended or from > #self.rest then return nil end
            to = #self.rest + 1
        end
        self.at, self.line = to + 1, self.line + 1
        local text = self.rest:sub(from, to - 1):gsub("\r$", "")
        if self.line == 1 then text = text:gsub("^\239\187\191", "") end
        if text:find "%S" then return text, self.line end
    end
end

local function faulty(text, line, message, column)
    return { text = text }, line, errors.new {
        kind = "invalid", outcome = "not_sent", line = line, column = column, message = message,
    }
end

--- -> record, line, err (see records.lua)
function Parser:next()
    local text, line, broken = next_line(self)
    if not text then return nil, nil, broken end
    local value, err = json.decode(text)
    if value == nil then
        local valid, at = utf8.len(text)
        if not valid then
            return nil, nil, errors.new {
                kind = "decode", line = line, column = utf8.len(text, 1, at - 1) + 1,
                message = ("line %d, column %d: broken UTF-8"):format(line, utf8.len(text, 1, at - 1) + 1),
            }
        end
        return faulty(text, line, "no JSON: " .. err.message, err.column)
    end
    if type(value) ~= "table" or json.is_array(value) then
        return faulty(text, line, "a JSON object expected")
    end
    if deadletter.is_letter(value) and not json.is_array(value.record) then
        return value.record, math.type(value.line) == "integer" and value.line or line
    end
    return value, line
end

return M
