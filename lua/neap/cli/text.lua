--- Text for people: headings where the terminal can show them, wrapped paragraphs, two columns.

local terminal = require "neap.native.terminal"

local M = {}

local WIDEST = 100 -- columns: longer lines are hard to read
local LEFT_MAX = 30 -- a longer left column gets a line of its own

local STYLES = { bold = "1", red = "1;31" }

local function has_colour(fd)
    local off = os.getenv "NO_COLOR"
    return not (off and off ~= "") and os.getenv "TERM" ~= "dumb" and terminal.is_terminal(fd)
end

--- Gets the text in a style, if descriptor fd is a terminal that shows it (https://no-color.org).
---@param style "bold"|"red"
---@param text string
---@param fd? integer default 1
---@return string
function M.style(style, text, fd)
    if not has_colour(fd or 1) then return text end
    return ("\27[%sm%s\27[0m"):format(STYLES[style], text)
end

--- Gets the columns that text on standard output may take.
---@return integer
function M.width()
    return math.max(math.min(terminal.width(1), WIDEST), 40)
end

--- Breaks a paragraph at blanks. A word longer than the width stays whole.
---@param text string
---@param width integer
---@return string[] lines
function M.wrap(text, width)
    local lines, line = {}, nil
    for word in text:gmatch "%S+" do
        local length = line and (utf8.len(line) or #line) + 1 + (utf8.len(word) or #word)
        if line and length <= width then
            line = line .. " " .. word
        else
            lines[#lines + 1] = line
            line = word
        end
    end
    lines[#lines + 1] = line
    return lines
end

--- Adds a wrapped paragraph to lines.
---@param lines string[]
---@param text string
---@param indent? integer
function M.paragraph(lines, text, indent)
    local margin = (" "):rep(indent or 0)
    for _, line in ipairs(M.wrap(text, M.width() - #margin)) do
        lines[#lines + 1] = margin .. line
    end
end

--- Adds rows of two columns to lines; the right one is wrapped beside the left one.
---@param lines string[]
---@param rows { [1]: string, [2]: string }[]
---@param indent? integer default 2
function M.columns(lines, rows, indent)
    local margin, left = (" "):rep(indent or 2), 0
    for _, row in ipairs(rows) do
        if #row[1] <= LEFT_MAX then left = math.max(left, #row[1]) end
    end
    local gap = margin .. (" "):rep(left + 2)
    for _, row in ipairs(rows) do
        local right = M.wrap(row[2], math.max(M.width() - #gap, 30))
        local first = margin .. row[1]
        if #row[1] > left or #right == 0 then
            lines[#lines + 1] = first
        else
            local pad = (" "):rep(#gap - #first)
            lines[#lines + 1] = first .. pad .. table.remove(right, 1)
        end
        for _, line in ipairs(right) do lines[#lines + 1] = gap .. line end
    end
end

local EPIPE = 32 -- whoever read has seen enough: nothing to complain of

--- Writes to standard output; raises where that fails.
---@param ... string
---@return boolean is_read false: whoever read it is gone
function M.write(...)
    local ok, why, number = io.stdout:write(...)
    if not ok and number ~= EPIPE then error("standard output: " .. why, 0) end
    return ok ~= nil
end

--- Writes lines to standard output.
---@param lines string[]
function M.print(lines)
    M.write(table.concat(lines, "\n"), "\n")
end

return M
