//! A tiny valid PDF of one page, made in code, so that simulated attachments open in a reader.

use lgsp_base::vi;

/// Lines of text that fit on the page; later ones are left out.
const LINES_MAX: usize = 40;

/// A PDF 1.4 file of one A4 page with these lines, followed by `padding` bytes of comment.
///
/// The standard font has no Vietnamese letters, so that marks are dropped from the lines. The same arguments give the same bytes.
pub fn one_page(lines: &[&str], padding: usize) -> Vec<u8> {
    let mut content = String::from("BT /F1 12 Tf 60 780 Td 16 TL\n");
    for line in lines.iter().take(LINES_MAX) {
        content.push('(');
        // A folded key holds letters, digits and blanks only: nothing to escape.
        content.extend(vi::fold(line).chars().filter(char::is_ascii));
        content.push_str(") Tj T*\n");
    }
    content.push_str("ET");

    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!(
            "<< /Length {} >>\nstream\n{content}\nendstream",
            content.len()
        ),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", index + 1).as_bytes());
    }
    if padding > 0 {
        file.push(b'%');
        file.resize(file.len() + padding, b'.');
        file.push(b'\n');
    }
    let table = file.len();
    file.extend_from_slice(format!("xref\n0 {}\n", objects.len() + 1).as_bytes());
    file.extend_from_slice(b"0000000000 65535 f \n");
    for offset in offsets {
        file.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    file.extend_from_slice(
        format!(
            "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n",
            objects.len() + 1
        )
        .as_bytes(),
    );
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_point_at_their_objects() {
        let file = one_page(&["Công văn (thử)", "Kính gửi: Sở Tài chính"], 100);
        let text = String::from_utf8(file).expect("ASCII");
        let table = text.split("xref\n0 6\n").nth(1).expect("a table");
        for (index, line) in table.lines().skip(1).take(5).enumerate() {
            let offset: usize = line[..10].parse().expect("a number");
            assert!(text[offset..].starts_with(&format!("{} 0 obj", index + 1)));
        }
        assert!(text.contains("(cong van thu) Tj"));
        assert_eq!(one_page(&["a"], 0), one_page(&["a"], 0));
    }
}
