import { errorCatalogue } from '@hearth/shared';
import { statusOf } from '../../http/problem.js';
import type { OpenApiDocument, Operation } from './document.js';

const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** Text with its `code` marked up. */
const prose = (text: string): string => escaped(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');

const json = (value: unknown): string => `<pre>${escaped(JSON.stringify(value, undefined, 2))}</pre>`;

const folded = (title: string, content: string): string => `<details><summary>${title}</summary>${content}</details>`;

/** Renders the document as a page without scripts and without resources of other hosts. */
export function docsPage({ info, paths, tags, components }: OpenApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const sections = tags.map(({ name }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    return `<section id="tag-${name}"><h2>${name}</h2>${own.map(operationPart).join('')}</section>`;
  });
  const contents = operations.map(
    ({ path, method, operation }) =>
      `<li><a href="#${operation.operationId}"><span class="method">${method}</span><code>${escaped(path)}</code></a></li>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hearth: HTTP API</title><link rel="stylesheet" href="/docs/style.css"></head><body>
<h1>Hearth: HTTP API</h1><p>${prose(String(info['description']))} For programs: <a href="/openapi.json">openapi.json</a>.</p>
<nav aria-label="Routes"><ul>${contents.join('')}</ul></nav>
${sections.join('\n')}
<section id="errors"><h2>Errors</h2>${errorTable()}</section>
<section id="schemas"><h2>Schemas</h2>${Object.entries(components.schemas)
    .map(([name, schema]) => `<div id="schema-${name}">${folded(`<code>${name}</code>`, json(schema))}</div>`)
    .join('')}</section>
</body></html>
`;
}

function operationPart({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const { operationId, summary, description, parameters, requestBody, responses, security } = operation;
  const rows = parameters.map(
    ({ name, in: place, required, description = '', schema }) =>
      `<tr><td><code>${escaped(name)}</code></td><td>${place}${required ? '' : ', optional'}</td><td>${prose(description)} ${folded('schema', json(schema))}</td></tr>`,
  );
  const answers = Object.entries(responses).map(
    ([status, { description: what, content = {} }]) =>
      `<tr><td>${status}</td><td>${prose(what)}${
        status.startsWith('2')
          ? Object.entries(content)
              .map(([type, { schema }]) => folded(`<code>${type}</code>`, json(schema)))
              .join('')
          : ''
      }</td></tr>`,
  );
  return `<article id="${operationId}"><h3><span class="method">${method}</span><code>${escaped(path)}</code></h3>
<p>${prose(summary)}.${security.length === 0 ? ' <span class="faint">No token needed.</span>' : ''}</p>
${description === undefined ? '' : `<p>${prose(description)}</p>`}
${rows.length === 0 ? '' : `<table>${rows.join('')}</table>`}
${requestBody === undefined ? '' : folded(`Body${requestBody.required ? '' : ' (optional)'}`, json(requestBody.content['application/json']?.schema))}
<table>${answers.join('')}</table></article>`;
}

function errorTable(): string {
  const rows = Object.entries(errorCatalogue).map(
    ([code, { title, caller }]) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${statusOf[code as keyof typeof statusOf]}</td><td>${escaped(title)}</td><td>${caller}</td></tr>`,
  );
  return `<p>A problem document has a <code>code</code> to switch on, and says what was expected and what to do. The last column: <em>fix</em> the request, <em>retry</em> later, or an operator has to act.</p>
<table><tr><th>code</th><th>status</th><th>what</th><th>who</th></tr>${rows.join('')}</table>`;
}
