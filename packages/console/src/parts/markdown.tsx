import { lexer, type MarkedToken, type Token, type Tokens } from 'marked';
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';

/** Longer texts are shown as plain text, because each new piece would parse them again. */
const parsedAtMost = 50_000;

/**
 * Renders Markdown of Claude. Its tokens become elements, never HTML, so a text can be nothing but text, and no image that it names is
 * fetched.
 */
export function Markdown({ text }: { text: string }) {
  return useMemo(
    () =>
      text.length > parsedAtMost ? (
        <div class="text">{text}</div>
      ) : (
        <div class="prose">{all(lexer(text, { gfm: true }))}</div>
      ),
    [text],
  );
}

const all = (tokens: readonly Token[] | undefined): ComponentChildren =>
  tokens?.map((token) => element(token as MarkedToken)) ?? null;

function element(token: MarkedToken): ComponentChildren {
  switch (token.type) {
    case 'heading':
      return <p class="heading">{all(token.tokens)}</p>;
    case 'paragraph':
      return <p>{all(token.tokens)}</p>;
    case 'code':
      return <pre>{token.text}</pre>;
    case 'blockquote':
      return <blockquote>{all(token.tokens)}</blockquote>;
    case 'list':
      return <List list={token} />;
    case 'table':
      return <Table table={token} />;
    case 'hr':
      return <hr />;
    case 'space':
    case 'def':
      return null;
    default:
      return inline(token);
  }
}

function inline(token: MarkedToken): ComponentChildren {
  switch (token.type) {
    case 'text':
      return token.tokens === undefined ? plain(token.text) : all(token.tokens);
    case 'escape':
      return token.text;
    case 'strong':
      return <strong>{all(token.tokens)}</strong>;
    case 'em':
      return <em>{all(token.tokens)}</em>;
    case 'del':
      return <s>{all(token.tokens)}</s>;
    case 'codespan':
      return <code>{token.text}</code>;
    case 'br':
      return <br />;
    case 'link':
    case 'image':
      return <Link href={token.href}>{token.text}</Link>;
    default:
      return token.raw;
  }
}

/** A single line break is kept, as in a chat. */
const plain = (text: string): ComponentChildren =>
  text.split('\n').map((line, at) => (at === 0 ? line : [<br key={at} />, line]));

function Link({ href, children }: { href: string; children: ComponentChildren }) {
  if (!/^(https?|mailto):/i.test(href)) return <>{children}</>;
  return (
    <a href={href} target="_blank" rel="noreferrer">
      {children}
    </a>
  );
}

function List({ list: { ordered, start, items } }: { list: Tokens.List }) {
  const entries = items.map((item, at) => <li key={at}>{all(item.tokens)}</li>);
  return ordered ? <ol start={start || 1}>{entries}</ol> : <ul>{entries}</ul>;
}

function Table({ table: { header, rows } }: { table: Tokens.Table }) {
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            {header.map((cell) => (
              <th key={cell.text}>{all(cell.tokens)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {row.map((cell, column) => (
                <td key={column}>{all(cell.tokens)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
