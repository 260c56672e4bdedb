-- Keeps the answer of a turn. The rules are those of Record::complete in edge-core.
-- KEYS[1] the record; ARGV: fence, answer, time to keep the record in ms
local record = redis.call('GET', KEYS[1])
if not record then
  return 0
end
local held, lease_until, fingerprint, answer = string.match(record, '^(%d+) (%d+) (%x+) (.*)$')
if not held then
  return redis.error_reply('NOTACLAIM the value is not a claim')
elseif held ~= ARGV[1] then
  return 0
elseif answer == '' then
  redis.call('SET', KEYS[1], held .. ' ' .. lease_until .. ' ' .. fingerprint .. ' ' .. ARGV[2], 'PX', ARGV[3])
end
return 1
