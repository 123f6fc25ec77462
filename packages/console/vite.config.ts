import { defineConfig } from 'vite';

export default defineConfig({
  // Whatever the gateway serves the page under.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist/page',
    emptyOutDir: true,
    // Nothing inline: the page's content security policy allows only what comes from the gateway.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
});
