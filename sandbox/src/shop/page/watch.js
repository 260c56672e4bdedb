// Watches one payment with a ticket, over the gateway's WebSocket, and connects again if that ends.

const BEGINNING = `evt_${'a'.repeat(32)}`;

/**
 * Calls `onEvent` once for each event of the ticket's payment, from its first one on, and `onExpired` once the ticket has
 * expired. `seconds` is for how long it was made.
 */
export function watch(gateway, ticket, seconds, onEvent, onExpired) {
  // A browser does not tell a page that its ticket was refused from that the gateway is away.
  const expires = Date.now() + seconds * 1000;
  const seen = new Set();
  let last = BEGINNING;
  const connect = () => {
    const socket = new WebSocket(`${gateway.replace(/^http/, 'ws')}/events/socket`, ['gateway.events.v1', ticket]);
    socket.onopen = () => socket.send(JSON.stringify({ type: 'subscribe', after: last }));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'reset') last = BEGINNING;
      if (message.type !== 'event') return;
      last = message.event.id;
      // An event may come again.
      if (!seen.has(last)) onEvent(message.event);
      seen.add(last);
    };
    socket.onclose = ({ code, reason }) => {
      if (code === 4401 || Date.now() >= expires) {
        onExpired();
        return;
      }
      // At random, so that not all pages return at once when Envoy is restarted.
      let pause = 1000 + Math.random() * 4000;
      try { pause = JSON.parse(reason).retryAfterMs; } catch { /* The reason is text, or there is none. */ }
      setTimeout(connect, pause);
    };
  };
  connect();
}
