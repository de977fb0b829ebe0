--- Values as error messages show them: quoted, on one line, cut.

--- Longest excerpt of a value in a message, in bytes.
local longest = 60

local escapes = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

--- Cuts a text at a limit, before the first byte of a character.
---@param text string
---@param limit integer
---@return string
local function cut(text, limit)
    while limit > 0 do
        local byte = text:byte(limit + 1)
        if byte < 0x80 or byte >= 0xC0 then break end
        limit = limit - 1
    end
    return text:sub(1, limit) .. "..."
end

--- Quotes a text for a message: cut at 60 bytes, control characters and broken UTF-8 escaped.
---@param text string
---@return string
return function(text)
    local shown = #text > longest and cut(text, longest) or text
    shown = shown:gsub("%c", function(char)
        return escapes[char] or ("\\x%02x"):format(char:byte())
    end)
    if not utf8.len(shown) then
        shown = shown:gsub("[\x80-\xff]", function(char) return ("\\x%02x"):format(char:byte()) end)
    end
    return '"' .. shown .. '"'
end
