-- The least that a handler can do.
return function() return "hello" end
