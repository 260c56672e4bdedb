export * from './errors.js';
export { Gateway, type CallOptions, type ReadOptions, type Settings } from './gateway.js';
export * from './generated/index.js';
