-- Runs the other scripts' commands on a missing key, so that nothing is written: it fails where a claim would fail.
local key = KEYS[1]
redis.call('TIME')
redis.call('GET', key)
redis.call('SET', key, '', 'XX')
redis.call('PEXPIRE', key, 1)
redis.call('DEL', key)
return 1
