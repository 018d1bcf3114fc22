/**
 * A syntax tree as elements. Each kind of node has its element and its few attributes here; there is no other way for a text
 * to become markup. Headings begin at the second level, below that of the page.
 */
import type { AlignType, ListItem, Nodes, Paragraph, Table, TableCell } from 'mdast';
import { type ComponentChildren, createElement, type JSX } from 'preact';
import { CodeBlock } from '../code/code-block.tsx';
import { plainText } from './parse-blocks.ts';
import { SafeLink } from './safe-link.tsx';
import { visibleText } from './visible-text.tsx';

const MAX_DEPTH = 16;
const MAX_CELLS = 1500;

/** Where a node stands. */
interface Place {
  readonly depth: number;
  /** The block may still grow. */
  readonly isOpen: boolean;
  /** Of a heading, from 1; undefined within other blocks. */
  readonly level?: number | undefined;
  readonly isInLink?: boolean;
  readonly isInTable?: boolean;
}

/** A node with all that is in it. */
export function renderNode(node: Nodes, place: Place): ComponentChildren {
  if (place.depth > MAX_DEPTH) return visibleText(plainText(node));
  const inside = { ...place, depth: place.depth + 1, level: undefined };
  const children = () => ('children' in node ? renderAll(node.children, inside) : null);
  switch (node.type) {
    case 'text':
      return place.isInTable ? withBreaks(node.value) : visibleText(node.value);
    case 'html':
      return visibleText(node.value);
    case 'paragraph':
      return <p dir="auto">{children()}</p>;
    case 'heading':
      return createElement(
        // Within a list or a quotation it is no part of the outline.
        place.level === undefined ? 'p' : `h${Math.min(6, place.level + 1)}`,
        { class: `heading heading-${node.depth}`, dir: 'auto' },
        children(),
      );
    case 'emphasis':
      return <em>{children()}</em>;
    case 'strong':
      return <strong>{children()}</strong>;
    case 'delete':
      return <del>{children()}</del>;
    case 'inlineCode':
      return <code>{visibleText(node.value)}</code>;
    case 'break':
      return <br />;
    case 'thematicBreak':
      return <hr />;
    case 'blockquote':
      return <blockquote>{children()}</blockquote>;
    case 'list': {
      const items = node.children.map((item, index) => renderItem(item, index, node.spread === true, inside));
      return node.ordered ? <ol start={node.start ?? 1}>{items}</ol> : <ul>{items}</ul>;
    }
    case 'code':
      return <CodeBlock language={node.lang ?? ''} code={node.value} isOpen={place.isOpen} />;
    case 'table':
      return renderTable(node, inside);
    case 'link': {
      if (place.isInLink) return children();
      return (
        <SafeLink address={node.url} text={plainText(node)}>
          {renderAll(node.children, { ...inside, isInLink: true })}
        </SafeLink>
      );
    }
    case 'image': {
      const text = `Image: ${node.alt || 'no description'}`;
      if (place.isInLink) return visibleText(text);
      return (
        <SafeLink address={node.url} text={text} isImage>
          {visibleText(text)}
        </SafeLink>
      );
    }
    case 'footnoteReference':
      return <sup class="footnote-mark">[{visibleText(node.label ?? node.identifier)}]</sup>;
    case 'footnoteDefinition':
      return (
        <div class="footnote" role="note">
          <span class="footnote-mark">[{visibleText(node.label ?? node.identifier)}]</span>
          <div>{children()}</div>
        </div>
      );
    case 'definition':
    case 'yaml':
      return null;
    default:
      return visibleText(plainText(node));
  }
}

function renderAll(nodes: readonly Nodes[], place: Place): ComponentChildren {
  return nodes.map((node) => renderNode(node, place));
}

function renderItem(item: ListItem, index: number, isLoose: boolean, place: Place): JSX.Element {
  const isTight = !isLoose && item.spread !== true;
  const content = item.children.map((child) =>
    isTight && child.type === 'paragraph' ? (
      <TightText key={0} node={child} place={place} />
    ) : (
      renderNode(child, place)
    ),
  );
  if (typeof item.checked !== 'boolean') return <li key={index}>{content}</li>;
  return (
    <li key={index} class="task">
      <span
        class={`task-box ${item.checked ? 'is-done' : ''}`}
        role="img"
        aria-label={item.checked ? 'Done:' : 'To do:'}
      />
      <div>{content}</div>
    </li>
  );
}

function TightText({ node, place }: { readonly node: Paragraph; readonly place: Place }): JSX.Element {
  return (
    <span class="item-text" dir="auto">
      {renderAll(node.children, place)}
    </span>
  );
}

/** The only markup of HTML that models write in cells, and that cells need. */
function withBreaks(text: string): ComponentChildren {
  const parts = text.split(/<br ?\/?>/i);
  return parts.map((part, index) => (
    <>
      {index > 0 && <br />}
      {visibleText(part)}
    </>
  ));
}

function renderTable(table: Table, place: Place): JSX.Element {
  const [head, ...rows] = table.children;
  const columns = head?.children.length ?? 0;
  if (columns * table.children.length > MAX_CELLS) {
    const lines = table.children.map((row) => row.children.map((cell) => plainText(cell)).join(' | '));
    return <p class="plain">{visibleText(lines.join('\n'))}</p>;
  }
  const inside = { ...place, isInTable: true };
  const cells = (row: readonly TableCell[], Cell: 'th' | 'td') =>
    Array.from({ length: columns }, (_, column) => {
      const cell = row[column];
      const children = cell === undefined ? null : renderAll(cell.children, inside);
      const props = { class: alignment(table.align?.[column]), dir: 'auto' as const };
      return Cell === 'th' ? (
        <th key={column} {...props} scope="col">
          {children}
        </th>
      ) : (
        <td key={column} {...props}>
          {children}
        </td>
      );
    });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table-scroll" tabIndex={0} aria-label="Table">
      <table>
        <thead>
          <tr>{cells(head?.children ?? [], 'th')}</tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>{cells(row.children, 'td')}</tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function alignment(align: AlignType | undefined): string | undefined {
  return align === 'right' ? 'at-end' : align === 'center' ? 'at-middle' : undefined;
}
