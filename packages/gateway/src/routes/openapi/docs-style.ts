/** The style sheet: light and dark, from the width of a phone. */
export const docsStyle = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); --faint: color-mix(in srgb, currentColor 65%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
code, pre { font: 0.9em/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid var(--line); border-radius: 6px; }
nav ul { columns: 18rem; padding-left: 1rem; }
section { border-top: 1px solid var(--line); margin-top: 2rem; }
h3 { overflow-wrap: anywhere; }
.method { text-transform: uppercase; font-weight: 700; margin-right: 0.5rem; }
.faint { color: var(--faint); }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: 0.3rem 0.75rem 0.3rem 0; border-bottom: 1px solid var(--line); }
summary { cursor: pointer; }
`;
