--- Imports about products with the mix of faults, ten seeds: what the vendor knows afterwards equals the file.

local acceptance = require "spec.support.acceptance"
local imports = require "spec.support.imports"

for _, recipe in ipairs { "import-products", "import-event-registrations", "import-guarantees" } do
    describe("omnisegment/" .. recipe, function()
        local noun = imports.nouns[recipe]
        local file = imports.write(noun, acceptance.place()(recipe .. ".ndjson"))
        for seed = 1, imports.SEEDS do
            it(("leaves at the vendor what is in the file, seed %d"):format(seed), function()
                local counts = imports.deliver(noun, file, seed)
                for _, fault in ipairs { "503", "429", "reset", "truncate" } do
                    if imports.ROWS >= 1000 then assert.is_true((counts.fault[fault] or 0) > 0, fault) end
                end
            end)
        end
    end)
end
