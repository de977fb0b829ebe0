--- The value that stands for JSON's null: `cjson.null`, a light userdata.
---@class neap.Null: lightuserdata
---@type neap.Null
return require("neap.native.json").null
