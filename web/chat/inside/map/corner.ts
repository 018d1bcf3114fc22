/** The whole matrix, small, in a corner of its picture, with a frame around what is seen of it. */

import type { MapColours } from './map-colours.ts';
import { imageOf, type Tile } from './tile-store.ts';
import type { View } from './view.ts';

/** CSS pixels: the longer side, the least shorter side, and the distance from the picture's edge. */
const SIDE = 116;
const LEAST = 28;
const MARGIN = 12;

/** Draws it, unless all is seen anyway. */
export function drawCorner(
  context: CanvasRenderingContext2D,
  view: View,
  whole: Tile | undefined,
  colours: MapColours,
): void {
  if (whole === undefined || view.isWhole) return;
  const longest = Math.max(view.rows, view.columns);
  const width = Math.max((SIDE * view.columns) / longest, LEAST);
  const height = Math.max((SIDE * view.rows) / longest, LEAST);
  const x = view.width - width - MARGIN;
  const y = view.height - height - MARGIN;
  context.fillStyle = colours.ground;
  context.fillRect(x - 4, y - 4, width + 8, height + 8);
  context.imageSmoothingEnabled = true;
  context.drawImage(imageOf(whole, colours), x, y, width, height);
  context.strokeStyle = colours.mark;
  context.lineWidth = 1;
  context.strokeRect(x - 4.5, y - 4.5, width + 9, height + 9);
  const across = Math.min(view.width / view.scale / view.columns, 1);
  const down = Math.min(view.height / view.scale / view.rows, 1);
  const left = Math.max(view.left / view.columns, 0);
  const top = Math.max(view.top / view.rows, 0);
  context.lineWidth = 2;
  context.strokeRect(
    x + left * width,
    y + top * height,
    Math.max(across * width, 4),
    Math.max(down * height, 4),
  );
}
