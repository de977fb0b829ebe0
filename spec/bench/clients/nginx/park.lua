-- Waits that never end, each in a task of its own.
for _ = 1, 10000 do neap.spawn(neap.sleep, 1000000) end
