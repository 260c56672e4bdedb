// Run by tools/generate-clients.sh, which sets GENERATED.
export default {
  input: '../../docs/openapi.json',
  output: { path: process.env.GENERATED, importFileExtension: '.js' },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
};
