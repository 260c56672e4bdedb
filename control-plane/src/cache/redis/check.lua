-- Runs the other scripts' commands so that nothing is written: it fails where a claim or an answer would fail.
-- KEYS[1] a record that is not there, KEYS[2] a client's recent use that is not there
local key, client = KEYS[1], KEYS[2]
redis.call('TIME')
redis.call('GET', key)
redis.call('SET', key, '', 'XX')
redis.call('PEXPIRE', client, 1)
redis.call('DEL', key)
-- Rights come first, then the argument, which is no number.
local refused = redis.pcall('INCRBY', client, 'no number')
if not string.find(refused['err'], 'not an integer', 1, true) then
  return refused
end
return 1
