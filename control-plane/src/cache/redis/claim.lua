-- Claims a key, by the rules of Record::claim in edge-core.
-- KEYS[1] the record; ARGV: fingerprint, lease in ms, time to keep the record in ms
-- A record reads "fence leased-until-us fingerprint answer"; the answer is empty during the lease, and sealed.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local fence = now
local record = redis.call('GET', KEYS[1])
if record then
  local held, lease_until, fingerprint, answer = string.match(record, '^(%d+) (%d+) (%x+) (.*)$')
  if not held then
    return redis.error_reply('NOTACLAIM the value is not a claim')
  elseif answer ~= '' or tonumber(lease_until) > now then
    if fingerprint ~= ARGV[1] then
      return {'mismatch', fingerprint, answer}
    elseif answer ~= '' then
      return {'replay', answer}
    end
    return {'in_flight', lease_until - now}
  end
  fence = math.max(now, held + 1)
end
-- Lua's default number format keeps only 14 digits; these numbers have 16.
local claimed = string.format('%.0f %.0f %s ', fence, now + ARGV[2] * 1000, ARGV[1])
redis.call('SET', KEYS[1], claimed, 'PX', ARGV[3])
return {'start', fence}
