//! Spreadsheets and containers of records, of whatever the test wants in them.

use super::{Body, codec, zip};

/// An Excel workbook of these sheets: a name and the part it leads to, and the parts.
pub fn xlsx(sheets: &[(&str, usize)], parts: &[String]) -> Vec<u8> {
    let mut listed = String::new();
    let mut targets = String::new();
    for (at, (name, part)) in sheets.iter().enumerate() {
        listed += &format!("<sheet name=\"{name}\" sheetId=\"{at}\" r:id=\"r{at}\"/>");
        targets += &format!("<Relationship Id=\"r{at}\" Target=\"worksheets/sheet{part}.xml\"/>");
    }
    let workbook = format!("<workbook><sheets>{listed}</sheets></workbook>");
    let relations = format!("<Relationships>{targets}</Relationships>");
    let names: Vec<String> = (0..parts.len()).map(|part| format!("xl/worksheets/sheet{part}.xml")).collect();
    let bodies: Vec<String> =
        parts.iter().map(|part| format!("<worksheet><sheetData>{part}</sheetData></worksheet>")).collect();
    let mut files: Vec<(&str, &[u8])> = vec![
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
    ];
    files.extend(names.iter().zip(&bodies).map(|(name, body)| (name.as_str(), body.as_bytes())));
    zip::deflated(&files)
}

/// A row of an Excel sheet.
pub fn xlsx_row(texts: &[&str]) -> String {
    let cells: String = texts.iter().map(|text| format!("<c t=\"str\"><v>{text}</v></c>")).collect();
    format!("<row>{cells}</row>")
}

/// An OpenDocument spreadsheet with these tables: names, and their rows.
pub fn ods(tables: &[(String, String)]) -> Vec<u8> {
    let mut content = "<office:document-content><office:body><office:spreadsheet>".to_owned();
    for (name, rows) in tables {
        content += &format!("<table:table table:name=\"{name}\">{rows}</table:table>");
    }
    content += "</office:spreadsheet></office:body></office:document-content>";
    let packed = codec::deflate(content.as_bytes());
    // Its type comes first and as it is.
    zip::archive(&[
        zip::Entry::stored("mimetype", Body::Bytes(b"application/vnd.oasis.opendocument.spreadsheet")),
        zip::Entry::stored("META-INF/manifest.xml", Body::Bytes(b"<x/>")),
        zip::Entry::deflated("content.xml", &packed, content.len() as u64),
    ])
}

/// A row of one text that stands in `columns` cells, in `rows` rows.
pub fn ods_row(rows: u64, columns: u64, text: &str) -> String {
    format!(
        "<table:table-row table:number-rows-repeated=\"{rows}\"><table:table-cell \
         table:number-columns-repeated=\"{columns}\" office:value-type=\"string\"><text:p>{text}</text:p>\
         </table:table-cell></table:table-row>"
    )
}

/// A number as Avro writes it.
pub fn long(number: i64) -> Vec<u8> {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    let mut out = Vec::new();
    while rest > 127 {
        out.push(rest as u8 & 127 | 128);
        rest >>= 7;
    }
    out.push(rest as u8);
    out
}

/// An Avro container: a schema, and blocks of so many records in these bytes.
pub fn avro(schema: &str, blocks: &[(i64, &[u8])]) -> Vec<u8> {
    let sync = [b'0'; 16];
    let text = |text: &str| [long(text.len() as i64), text.as_bytes().to_vec()].concat();
    let mut out = [b"Obj\x01".to_vec(), long(1), text("avro.schema"), text(schema), long(0), sync.to_vec()].concat();
    for (count, data) in blocks {
        out.extend([&long(*count), &long(data.len() as i64), *data, &sync].concat());
    }
    out
}

/// A Feather file of version 1 that says it has `rows` rows and not one column.
pub fn feather_without_columns(rows: u64) -> Vec<u8> {
    let mut out = b"FEA1\0\0\0\0".to_vec();
    // A root, a vtable of three fields of which the number of rows and the list are there, and an empty list.
    out.extend([0x14, 0, 0, 0, 0, 0, 0, 0, 0x0a, 0, 0x14, 0, 0, 0, 0x04, 0, 0x0c, 0, 0, 0]);
    out.extend([0x0c, 0, 0, 0]);
    out.extend(rows.to_le_bytes());
    out.extend([8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend([0x2c, 0, 0, 0]);
    out.extend(b"FEA1");
    out
}
