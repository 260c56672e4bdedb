// Watches one payment with a ticket, over the gateway's WebSocket, and connects again if that ends.

const BEGINNING = `evt_${'a'.repeat(32)}`;

/** Calls `onEvent` once for each event of the ticket's payment, from its first one on. */
export function watch(gateway, ticket, onEvent) {
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
      // The ticket has expired, and so has the payer's patience.
      if (code === 4401) return;
      // At random, so that not all pages return at once when Envoy is restarted.
      let pause = 1000 + Math.random() * 4000;
      try { pause = JSON.parse(reason).retryAfterMs; } catch { /* The reason is text, or there is none. */ }
      setTimeout(connect, pause);
    };
  };
  connect();
}
