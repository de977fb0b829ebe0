-- How many tasks there are in this worker.
return function() return tostring(neap.loop.live()) end
