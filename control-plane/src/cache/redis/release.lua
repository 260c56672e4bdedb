-- Releases a lease, by the rules of Record::release in edge-core.
-- KEYS[1] the record; ARGV: fence
local record = redis.call('GET', KEYS[1])
if not record then
  return 0
end
local held, answer = string.match(record, '^(%d+) %d+ %x+ (.*)$')
if not held then
  return redis.error_reply('NOTACLAIM the value is not a claim')
elseif held ~= ARGV[1] or answer ~= '' then
  return 0
end
return redis.call('DEL', KEYS[1])
