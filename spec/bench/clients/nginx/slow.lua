-- One request to an upstream that takes a second.
local url = neap.setting "upstream" .. "/slow"

return function()
    return assert(neap.http.request(url)).body
end
